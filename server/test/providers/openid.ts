/**
 * A small OpenID provider on a real socket (Core 1.0, Discovery 1.0, RFC 7636, RFC 9207): code flow with PKCE, RS256, userinfo. It is as strict as
 * a real one, and can be told to lie in every way that a client must notice.
 */
import { createHash, createHmac, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { listening, type Asked, type Listening, type Said } from './listening.ts'

/** Whom it says that the person in front of it is. */
export interface Person {
  readonly sub: string
  readonly email?: string
  readonly email_verified?: unknown
  readonly name?: string
}

/** What it says that is not so. */
export interface Lies {
  /** Claims that replace those of the ID token. */
  readonly claims?: Record<string, unknown>
  /**
   * `none` and `HS256`, with the public key for a secret, are the classics; `CLIENT_SECRET` is HS256 with the secret of the client; `OTHER_KEY` signs
   * with a key that it never published; `ALTERED` signs something else.
   */
  readonly signature?: 'none' | 'HS256' | 'CLIENT_SECRET' | 'OTHER_KEY' | 'ALTERED'
  readonly kid?: string
  /** The `iss` beside the code; null for none. */
  readonly iss?: string | null
  /** Whether the answer to a code has no ID token in it. */
  readonly noIdToken?: boolean
  /** Whether it redeems a code whatever the verifier. */
  readonly ignoresPkce?: boolean
  /** Replaces parts of the discovery document. */
  readonly metadata?: Record<string, unknown>
  /** The subject that userinfo names. */
  readonly userInfoSub?: string
}

export interface OpenIdProvider extends Listening {
  /** Who is in front of it next. */
  person: Person
  lies: Lies
  readonly client: { readonly id: string; readonly secret: string }
  /** When the person last typed a password there, in seconds. */
  authenticatedAt: number
  /** Whether claims of the person are in the ID token, or behind userinfo alone. */
  claimsIn: 'ID_TOKEN' | 'USER_INFO'
}

interface Grant {
  readonly person: Person
  readonly redirectUri: string
  readonly challenge: string
  readonly nonce: string | null
  readonly token: string
  used: boolean
}

/** Made once: a key costs a tenth of a second. */
const [key, otherKey] = [rsa(), rsa()]

function rsa(): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}

/** Starts one, which takes redirects to these addresses alone. */
export async function startOpenIdProvider(redirectUris: readonly string[], id = 'plinth'): Promise<OpenIdProvider> {
  const grants = new Map<string, Grant>()
  const server = await listening((asked) => routes[`${asked.method} ${asked.url.pathname}`]?.(asked))
  const provider: OpenIdProvider = Object.assign(server, {
    person: { sub: 'nobody' },
    lies: {},
    client: { id, secret: `secret of ${id}` },
    authenticatedAt: Math.floor(Date.now() / 1000),
    claimsIn: 'ID_TOKEN' as const,
  })
  const routes: Record<string, (asked: Asked) => Said> = {
    'GET /.well-known/openid-configuration': () => ({ json: { ...metadataOf(provider.url), ...provider.lies.metadata } }),
    'GET /jwks': () => ({
      json: { keys: [{ ...createPublicKey(key).export({ format: 'jwk' }), kid: 'first', use: 'sig', alg: 'RS256' }] },
    }),
    'GET /authorize': ({ url }) => authorize(provider, grants, redirectUris, url.searchParams),
    'POST /token': ({ form, headers }) => token(provider, grants, form, headers.authorization),
    'GET /userinfo': ({ headers }) => userInfo(provider, grants, headers.authorization),
  }
  return provider
}

function metadataOf(issuer: string): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  }
}

/** The person agrees at once. Whoever asks for their proof anew gets it: they type their password again. */
function authorize(provider: OpenIdProvider, grants: Map<string, Grant>, redirectUris: readonly string[], asked: URLSearchParams): Said {
  const redirectUri = asked.get('redirect_uri') ?? ''
  const challenge = asked.get('code_challenge') ?? ''
  const isRight =
    asked.get('client_id') === provider.client.id && redirectUris.includes(redirectUri) && asked.get('response_type') === 'code'
  if (!isRight || !/^[\w-]{43}$/.test(challenge) || asked.get('code_challenge_method') !== 'S256') return { status: 400, json: {} }
  const code = randomBytes(16).toString('base64url')
  const grant = { person: provider.person, redirectUri, challenge, nonce: asked.get('nonce'), token: `at_${code}`, used: false }
  grants.set(code, grant)
  if (asked.get('prompt') === 'login') provider.authenticatedAt = Math.floor(Date.now() / 1000)
  const to = new URL(redirectUri)
  const { iss = provider.url } = provider.lies
  to.search = new URLSearchParams({ code, state: asked.get('state') ?? '', ...(iss !== null && { iss }) }).toString()
  return { status: 302, headers: { location: to.href } }
}

function token(provider: OpenIdProvider, grants: Map<string, Grant>, form: URLSearchParams, authorization = ''): Said {
  const grant = grants.get(form.get('code') ?? '')
  const isClient =
    form.get('client_id') === provider.client.id && form.get('client_secret') === provider.client.secret && authorization === ''
  if (!isClient) return { status: 401, json: { error: 'invalid_client' } }
  const challenge = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url')
  const isProven = challenge === grant?.challenge || provider.lies.ignoresPkce
  if (!grant || grant.used || !isProven || form.get('redirect_uri') !== grant.redirectUri) {
    return { status: 400, json: { error: 'invalid_grant' } }
  }
  grant.used = true
  const tokens = { access_token: grant.token, token_type: 'Bearer', expires_in: 300 }
  return { json: provider.lies.noIdToken ? tokens : { ...tokens, id_token: idToken(provider, grant) } }
}

function idToken(provider: OpenIdProvider, { person, nonce, token }: Grant): string {
  const { lies, url, client, claimsIn, authenticatedAt } = provider
  const at = Math.floor(Date.now() / 1000)
  const atHash = createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')
  const about = claimsIn === 'ID_TOKEN' ? person : { sub: person.sub }
  const own = { iss: url, aud: client.id, iat: at, exp: at + 300, auth_time: authenticatedAt, nonce, at_hash: atHash }
  const alg = algorithms[lies.signature ?? 'ALTERED']
  const signed = [
    { alg, typ: 'JWT', kid: lies.kid ?? 'first' },
    { ...own, ...about, ...lies.claims },
  ]
    .map(encoded)
    .join('.')
  return `${signed}.${signatureOf(lies.signature === 'ALTERED' ? `${signed}x` : signed, lies.signature, client.secret)}`
}

const algorithms = { none: 'none', HS256: 'HS256', CLIENT_SECRET: 'HS256', OTHER_KEY: 'RS256', ALTERED: 'RS256' } as const

function signatureOf(text: string, how: Lies['signature'], secret: string): string {
  if (how === 'none') return ''
  const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' })
  if (how === 'HS256' || how === 'CLIENT_SECRET')
    return createHmac('sha256', how === 'HS256' ? pem : secret)
      .update(text)
      .digest('base64url')
  return sign('sha256', Buffer.from(text), how === 'OTHER_KEY' ? otherKey : key).toString('base64url')
}

function userInfo(provider: OpenIdProvider, grants: Map<string, Grant>, authorization = ''): Said {
  const grant = [...grants.values()].find(({ token }) => authorization === `Bearer ${token}`)
  if (!grant) return { status: 401, json: { error: 'invalid_token' } }
  return { json: { ...grant.person, sub: provider.lies.userInfoSub ?? grant.person.sub } }
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
