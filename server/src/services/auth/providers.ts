/** The providers that this installation has. */
import type { Config } from '#lib/config.ts'
import { createCircuit } from '#lib/circuit.ts'
import { AppError } from '#lib/errors.ts'
import { useOutbound } from '#lib/outbound.ts'
import { githubProvider } from './github.ts'
import { oidcProvider } from './oidc.ts'
import { usePlex } from './plex.ts'
import type { RedirectProvider } from './provider.ts'
import { useReturnOrigins } from './return-page.ts'

const google = { id: 'google', name: 'Google', issuer: 'https://accounts.google.com', scope: 'openid email profile' }

let providers: ReadonlyMap<string, RedirectProvider> = new Map()

/** Takes the providers from the configuration. Nobody is called: one that is down keeps no server from starting. Called once at start. */
export function useProviders(config: Config): void {
  useOutbound(config)
  useReturnOrigins(config)
  usePlex(config)
  const list = [...googleOf(config), ...githubOf(config), ...config.OIDC_PROVIDERS.map((each) => oidcProvider(each, createCircuit()))]
  providers = new Map(list.map((provider) => [provider.id, provider]))
}

function googleOf({ GOOGLE_CLIENT_ID: clientId, GOOGLE_CLIENT_SECRET: clientSecret }: Config): RedirectProvider[] {
  return clientId && clientSecret ? [oidcProvider({ ...google, clientId, clientSecret }, createCircuit())] : []
}

function githubOf(config: Config): RedirectProvider[] {
  const { GITHUB_CLIENT_ID: clientId, GITHUB_CLIENT_SECRET: clientSecret, GITHUB_URL: url, GITHUB_API_URL: apiUrl } = config
  return clientId && clientSecret ? [githubProvider({ clientId, clientSecret, url, apiUrl }, createCircuit())] : []
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

/** What people call a provider; its id where the configuration has it no more. */
export function nameOfProvider(id: string): string {
  return id === 'plex' ? 'Plex' : (providers.get(id)?.name ?? id)
}

/** The ids of the providers that can be made to ask a person anew who they are. */
export function providersThatAskAnew(): string[] {
  return redirectProviders().flatMap(({ id, asksAnew }) => (asksAnew ? [id] : []))
}
