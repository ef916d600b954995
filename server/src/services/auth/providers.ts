/** The providers that this installation has. */
import type { Config } from '#lib/config.ts'
import { createCircuit } from '#lib/circuit.ts'
import { AppError } from '#lib/errors.ts'
import { useOutbound } from '#lib/outbound.ts'
import { oidcProvider } from './oidc.ts'
import type { RedirectProvider } from './provider.ts'
import { useReturnOrigins } from './return-page.ts'

const google = { id: 'google', name: 'Google', issuer: 'https://accounts.google.com', scope: 'openid email profile' }

let providers: ReadonlyMap<string, RedirectProvider> = new Map()

/** Takes the providers from the configuration. Nobody is called: one that is down keeps no server from starting. Called once at start. */
export function useProviders(config: Config): void {
  useOutbound(config)
  useReturnOrigins(config)
  const { GOOGLE_CLIENT_ID: clientId, GOOGLE_CLIENT_SECRET: clientSecret } = config
  const settings = [...(clientId && clientSecret ? [{ ...google, clientId, clientSecret }] : []), ...config.OIDC_PROVIDERS]
  const list: RedirectProvider[] = settings.map((each) => oidcProvider(each, createCircuit()))
  providers = new Map(list.map((provider) => [provider.id, provider]))
}

/** Lists the providers that the browser can be sent to, in the order of the configuration. */
export function redirectProviders(): readonly RedirectProvider[] {
  return [...providers.values()]
}

/** Gives a provider. @throws NOT_FOUND */
export function redirectProvider(id: string): RedirectProvider {
  const provider = providers.get(id)
  if (!provider) throw new AppError('NOT_FOUND', 'There is no such provider.')
  return provider
}
