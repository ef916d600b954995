/** A small GitHub on a real socket: OAuth 2 with PKCE as it documents it, and the two calls of its API that tell who somebody is. */
import { createHash, randomBytes } from 'node:crypto'
import { listening, type Asked, type Listening, type Said } from './listening.ts'

export interface GithubUser {
  readonly id: number
  readonly login: string
  readonly name: string | null
  readonly emails: readonly { readonly email: string; readonly primary: boolean; readonly verified: boolean }[]
}

export interface Github extends Listening {
  /** Who is in front of it next. */
  user: GithubUser
  readonly client: { readonly id: string; readonly secret: string }
}

interface Grant {
  readonly user: GithubUser
  readonly challenge: string
  readonly redirectUri: string
  readonly token: string
  used: boolean
}

/** Starts one, whose app has this callback. */
export async function startGithub(callback: string): Promise<Github> {
  const grants = new Map<string, Grant>()
  const client = { id: 'Iv1.plinth', secret: 'secret of the app' }
  const server = await listening((asked) => routes[`${asked.method} ${asked.url.pathname}`]?.(asked))
  const github: Github = Object.assign(server, { user: { id: 1, login: 'nobody', name: null, emails: [] }, client })
  const whose = ({ headers }: Asked) => [...grants.values()].find(({ token }) => headers.authorization === `Bearer ${token}`)?.user
  const routes: Record<string, (asked: Asked) => Said> = {
    'GET /login/oauth/authorize': ({ url: { searchParams } }) => authorize(github, grants, callback, searchParams),
    'POST /login/oauth/access_token': ({ form }) => ({ json: redeem(github, grants, form) }),
    'GET /user': (asked) => about(whose(asked), asked, ({ id, login, name }) => ({ id, login, name, email: null })),
    'GET /user/emails': (asked) => about(whose(asked), asked, ({ emails }) => emails),
  }
  return github
}

function authorize(github: Github, grants: Map<string, Grant>, callback: string, asked: URLSearchParams): Said {
  const [redirectUri, challenge] = [asked.get('redirect_uri') ?? '', asked.get('code_challenge') ?? '']
  const isRight = asked.get('client_id') === github.client.id && redirectUri === callback && asked.get('code_challenge_method') === 'S256'
  if (!isRight || !(asked.get('scope') ?? '').split(' ').includes('user:email')) return { status: 404, json: {} }
  const code = randomBytes(10).toString('hex')
  grants.set(code, { user: github.user, challenge, redirectUri, token: `gho_${code}`, used: false })
  const to = new URL(redirectUri)
  to.search = new URLSearchParams({ code, state: asked.get('state') ?? '' }).toString()
  return { status: 302, headers: { location: to.href } }
}

/** What is wrong is said with status 200. */
function redeem({ client }: Github, grants: Map<string, Grant>, form: URLSearchParams): object {
  if (form.get('client_id') !== client.id || form.get('client_secret') !== client.secret) return { error: 'incorrect_client_credentials' }
  const grant = grants.get(form.get('code') ?? '')
  const challenge = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url')
  const isRight = grant && !grant.used && grant.challenge === challenge && grant.redirectUri === form.get('redirect_uri')
  if (!isRight) return { error: 'bad_verification_code' }
  grant.used = true
  return { access_token: grant.token, scope: 'read:user,user:email', token_type: 'bearer' }
}

/** The API wants to know who asks (User-Agent) as well as for whom. */
function about(user: GithubUser | undefined, { headers }: Asked, tell: (user: GithubUser) => unknown): Said {
  if (!headers['user-agent']) return { status: 403, json: {} }
  return user ? { json: tell(user) } : { status: 401, json: { message: 'Bad credentials' } }
}
