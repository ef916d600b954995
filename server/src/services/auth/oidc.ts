/** OpenID Connect: any issuer that publishes what it is (Discovery 1.0), by code with PKCE, state and nonce. openid-client checks what Core 3.1.3.7 asks for. */
import { createHash } from 'node:crypto'
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  type Configuration,
  type IDToken,
} from 'openid-client'
import type { Circuit } from '#lib/circuit.ts'
import { now } from '#lib/clock.ts'
import type { OidcSettings } from '#lib/oidc-settings.ts'
import { OutboundError } from '#lib/outbound.ts'
import { asking, callProvider } from './provider-call.ts'
import { identityOf, type Answer, type Identity, type RedirectProvider, type Request } from './provider.ts'

const hour = 3_600_000

/** What the issuer publishes, read when it is first needed and again after an hour. */
type Discovered = () => Promise<Configuration>

/** Makes a provider of an issuer. */
export function oidcProvider(settings: OidcSettings, circuit: Circuit): RedirectProvider {
  const { id, name, scope } = settings
  const discovered = discoverer(settings, circuit)
  return {
    id,
    name,
    asksAnew: true,
    authorize: (request) => asking(id, async () => addressOf(await discovered(), scope, request)),
    identify: (answer) => asking(id, async () => identify(await discovered(), answer)),
  }
}

/** Those who come at once read it once. What failed is not remembered: the circuit keeps a dead issuer from being asked each time. */
function discoverer({ issuer, clientId, clientSecret }: OidcSettings, circuit: Circuit): Discovered {
  let [known, until]: [Promise<Configuration> | undefined, number] = [undefined, 0]
  const read = () =>
    discovery(new URL(issuer), clientId, clientSecret, undefined, {
      [customFetch]: (url, { method, headers, body, signal }) =>
        callProvider(circuit, url, { method, headers, body: body as string | URLSearchParams | undefined, signal }),
      // Which hosts may be called at all, and which of them by http, is decided in lib/outbound.ts, for each call.
      execute: [enableNonRepudiationChecks, ...(issuer.startsWith('http:') ? [allowInsecureRequests] : [])],
    })
  return function discovered() {
    if (known && now().getTime() < until) return known
    until = now().getTime() + hour
    const reading = read().catch((error: unknown) => {
      if (known === reading) known = undefined
      throw new OutboundError('The issuer publishes nothing that can be used', { cause: error })
    })
    return (known = reading)
  }
}

async function addressOf(configuration: Configuration, scope: string, request: Request): Promise<URL> {
  return buildAuthorizationUrl(configuration, {
    redirect_uri: request.redirectUri,
    scope,
    state: request.state,
    nonce: request.nonce,
    code_challenge: await calculatePKCECodeChallenge(request.verifier),
    code_challenge_method: 'S256',
    ...(request.anew && { prompt: 'login', max_age: '0' }),
  })
}

async function identify(configuration: Configuration, answer: Answer): Promise<Identity> {
  const tokens = await authorizationCodeGrant(configuration, comeBack(answer), {
    expectedState: answer.state,
    expectedNonce: answer.nonce,
    pkceCodeVerifier: answer.verifier,
    idTokenExpected: true,
    ...(answer.anew && { maxAge: Math.ceil((now().getTime() - answer.begunAt.getTime()) / 1000) }),
  })
  const claims = tokens.claims()
  if (!claims || tokens.id_token === undefined) throw new Error('There is no ID token')
  requireSameToken(tokens.id_token, claims, tokens.access_token)
  const { sub: subject } = claims
  const said = claims.email === undefined ? await fromUserInfo(configuration, tokens.access_token, subject) : claims
  return identityOf({ subject, email: said.email, emailVerified: said.email_verified, name: said.name ?? claims.name })
}

/** An address is in the ID token or behind the userinfo endpoint, as the issuer likes. */
async function fromUserInfo(configuration: Configuration, token: string, subject: string): Promise<Record<string, unknown>> {
  if (configuration.serverMetadata().userinfo_endpoint === undefined) return {}
  return fetchUserInfo(configuration, token, subject)
}

/** The address that the browser came back to, as it came. */
function comeBack({ redirectUri, code, state, iss }: Answer): URL {
  const url = new URL(redirectUri)
  url.search = new URLSearchParams({ code, state, ...(iss !== undefined && { iss }) }).toString()
  return url
}

/** Core 3.1.3.8: an access token beside the ID token is the one that was issued with it. The library leaves this to its caller. */
function requireSameToken(idToken: string, claims: IDToken, accessToken: string): void {
  if (claims.at_hash === undefined) return
  const { alg } = JSON.parse(Buffer.from(idToken.split('.')[0] ?? '', 'base64url').toString()) as { alg: string }
  const algorithm = /^(?:RS|PS|ES)(256|384|512)$/.exec(alg)?.[1] ?? '512'
  const hash = createHash(`sha${algorithm}`).update(accessToken).digest()
  if (hash.subarray(0, hash.length / 2).toString('base64url') !== claims.at_hash) throw new Error('The at_hash is of another token')
}
