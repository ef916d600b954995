/** Each credential in each place where one may be shown: it is worth something in its own and nothing anywhere else. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const password = 'nine lazy otters hum'
const email = 'channels@example.com'
const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
const forgotten = { ...nobody, message: 'This device is not remembered any more. Sign in.' }
const both = {
  status: 400,
  message: 'Send the cookie or the Authorization header, not both.',
  data: { code: 'BAD_REQUEST', details: { fields: { authorization: ['came with a cookie'] } }, httpStatus: 400 },
}
const kinds = ['session', 'tool', 'key', 'remembered', 'device', 'applicationSecret', 'pending', 'reset', 'verification', 'mail'] as const
type Kind = (typeof kinds)[number]

let server: TestServer
let tokens: Readonly<Record<Kind, string>>

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: 'https://plinth.example.com' } })
  tokens = await everyCredential()
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)

/** One credential of each kind, none of which was used yet. */
async function everyCredential(): Promise<Record<Kind, string>> {
  const { client, token: tool } = await server.signUpAs(email, { password })
  const browser = openBrowser(server.url)
  await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE', remember: true })
  const [session = '', device = '', remembered = ''] = ['session', 'device', 'remembered'].map((name) =>
    browser.cookies.get(`__Host-plinth_${name}`),
  )
  const { key } = await client.auth.apiKey.create.mutate({ name: 'tool', scopes: ['auth.me'] })
  const { id: applicationId } = await client.auth.application.create.mutate({ type: 'WEB', name: 'Engines' })
  const { secret: applicationSecret } = await client.auth.applicationSecret.create.mutate({ applicationId, name: 'first' })
  const { pendingToken: pending } = await client.auth.emailSignIn.request.mutate({ email })
  await client.auth.password.requestReset.mutate({ email })
  await client.auth.signUp.mutate({ email: 'waiting@example.com', name: 'Waiting', password })
  const [mail, reset] = [await server.tokenMailedTo(email, /this code: /), await server.tokenMailedTo(email, /asked for a new password/)]
  const verification = await server.tokenMailedTo('waiting@example.com')
  return { session, tool, key, remembered, device, applicationSecret, pending, reset, verification, mail }
}

/** Where a credential may be shown, what it is good for there, and what the others are told. */
const channels: Record<string, { show: (token: string) => Promise<Answer>; takes: readonly Kind[]; told: object }> = {
  'the cookie of the session': {
    show: (token) => openBrowser(server.url, { cookie: `__Host-plinth_session=${token}` }).query('auth.me'),
    takes: ['session'],
    told: nobody,
  },
  'the Authorization header': {
    show: (token) => openBrowser(server.url, { authorization: `Bearer ${token}` }).query('auth.me'),
    takes: ['tool', 'key'],
    told: nobody,
  },
  'the cookie of a remembered device': {
    show: (token) =>
      openBrowser(server.url, { cookie: `__Host-plinth_remembered=${token}` }).mutate('auth.remembered.signIn', { delivery: 'COOKIE' }),
    takes: ['remembered'],
    told: forgotten,
  },
  'the input of a remembered device': {
    show: (token) => openBrowser(server.url).mutate('auth.remembered.signIn', { token, delivery: 'TOKEN' }),
    takes: ['remembered'],
    told: forgotten,
  },
}

/** Everything that is alive, by what it was before anybody tried anything. */
const alive = async () => ({
  sessions: await ask('SELECT id, token_hash FROM auth.sessions WHERE revoked_at IS NULL ORDER BY id'),
  keys: await ask('SELECT id, revoked_at FROM auth.api_keys ORDER BY id'),
  tokens: await ask('SELECT id, used_at, deleted_at, tries FROM auth.verification_tokens ORDER BY id'),
  secrets: await ask('SELECT id, revoked_at FROM auth.application_secrets ORDER BY id'),
})

test.each(Object.entries(channels))(
  'S11 %s takes what belongs there, and nothing else that was ever given to anybody',
  async (_where, { show, takes, told }) => {
    const before = await alive()
    for (const kind of kinds.filter((each) => !takes.includes(each))) {
      expect(toldBy(await show(tokens[kind])), kind).toEqual(told)
      const secret = tokens[kind].replace(/^pln_[a-z\d]+_/, '')
      for (const prefix of ['pln_s_', 'pln_t_', 'pln_k_', 'pln_d_']) {
        if (prefix + secret !== tokens[kind]) expect(toldBy(await show(prefix + secret)), `${kind} as ${prefix}`).toEqual(told)
      }
    }
    expect(await alive()).toEqual(before)
  },
)

test('S11 a cookie and an Authorization header at once are refused, whichever of the two is good', async () => {
  const before = await alive()
  const { session, tool, key } = tokens
  for (const [cookie, bearer] of [
    [session, tool],
    [session, key],
    [session, 'x'],
    ['x', tool],
    ['', key],
    [tool, session],
  ]) {
    const headers = { cookie: `__Host-plinth_session=${cookie}`, authorization: `Bearer ${bearer}` }
    expect(toldBy(await openBrowser(server.url, headers).query('auth.me'))).toEqual(both)
    expect(toldBy(await openBrowser(server.url, headers).mutate('auth.signOut'))).toEqual(both)
  }
  expect(await alive()).toEqual(before)
})

test('S11 a credential that is not exactly itself is none', async () => {
  const before = await alive()
  const asCookie = (token: string) => openBrowser(server.url, { cookie: `__Host-plinth_session=${token}` })
  const asBearer = (token: string) => openBrowser(server.url, { authorization: `Bearer ${token}` })
  for (const [show, token] of [
    [asCookie, tokens.session],
    [asBearer, tokens.tool],
    [asBearer, tokens.key],
  ] as const) {
    for (const odd of [`${token}A`, token.slice(0, -1), token.toUpperCase(), token.slice(6), `${token},${token}`, `%20${token}`]) {
      expect(toldBy(await show(odd).query('auth.me')), odd.replaceAll(token, 'token')).toEqual(nobody)
    }
  }
  expect(await alive()).toEqual(before)
})

test('S11 each is good in its own place all the while', async () => {
  for (const { show, takes } of Object.values(channels).slice(0, 3)) {
    for (const kind of takes) expect((await show(tokens[kind])).status, kind).toBe(200)
  }
})
