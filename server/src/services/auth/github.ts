/**
 * GitHub: plain OAuth 2, no OpenID. So there is no ID token to check: the person is who the API says, asked with the token that the code was redeemed
 * for. The addresses come from their own list, for the profile names only what the person chose to show.
 */
import { calculatePKCECodeChallenge } from 'openid-client'
import { z } from 'zod'
import type { Circuit } from '#lib/circuit.ts'
import { asking, callProvider } from './provider-call.ts'
import { identityOf, type Answer, type Identity, type RedirectProvider, type Request } from './provider.ts'

export interface GithubSettings {
  readonly clientId: string
  readonly clientSecret: string
  /** Where people sign in. */
  readonly url: string
  readonly apiUrl: string
}

const Token = z.object({ access_token: z.string().min(1), token_type: z.string().regex(/^bearer$/i) })
const User = z.object({ id: z.int().positive(), login: z.string(), name: z.string().nullish() })
const Emails = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }))

/** Makes the provider. */
export function githubProvider(settings: GithubSettings, circuit: Circuit): RedirectProvider {
  return {
    id: 'github',
    name: 'GitHub',
    asksAnew: false,
    authorize: (request) => addressOf(settings, request),
    identify: (answer) => asking('github', () => identify(settings, circuit, answer)),
  }
}

async function addressOf({ clientId, url }: GithubSettings, { redirectUri, state, verifier }: Request): Promise<URL> {
  const address = new URL(`${url}/login/oauth/authorize`)
  const asked = { client_id: clientId, redirect_uri: redirectUri, scope: 'read:user user:email', state }
  const challenge = { code_challenge: await calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }
  address.search = new URLSearchParams({ ...asked, ...challenge }).toString()
  return address
}

async function identify(settings: GithubSettings, circuit: Circuit, answer: Answer): Promise<Identity> {
  const token = await redeem(settings, circuit, answer)
  const ask = async (path: string) => {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/vnd.github+json', 'user-agent': 'Plinth' }
    return json(await callProvider(circuit, `${settings.apiUrl}${path}`, { headers }))
  }
  const user = User.parse(await ask('/user'))
  const primary = Emails.parse(await ask('/user/emails')).find((each) => each.primary)
  return identityOf({ subject: String(user.id), email: primary?.email, emailVerified: primary?.verified, name: user.name ?? user.login })
}

/** GitHub answers a code that is no good with 200 and an error in the body: it has no token then. */
async function redeem({ clientId, clientSecret, url }: GithubSettings, circuit: Circuit, answer: Answer): Promise<string> {
  const { code, redirectUri, verifier } = answer
  const client = { client_id: clientId, client_secret: clientSecret }
  const body = new URLSearchParams({ ...client, code, redirect_uri: redirectUri, code_verifier: verifier })
  const call = { method: 'POST', headers: { accept: 'application/json' }, body }
  return Token.parse(await json(await callProvider(circuit, `${url}/login/oauth/access_token`, call))).access_token
}

async function json(response: Response): Promise<unknown> {
  if (response.status !== 200) throw new Error(`GitHub answered ${response.status}`)
  return response.json()
}
