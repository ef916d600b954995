import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { Socket } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openBrowser, toldBy, type Answer } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { listening, type Listening } from '../../../test/providers/listening.ts'
import { startOpenIdProvider, type OpenIdProvider } from '../../../test/providers/openid.ts'
import { visit } from '../../../test/providers/visit.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const publicUrl = 'https://plinth.example.com'
const timeoutMs = 1_000
/** What a provider's document names, and where it is. Each of them has two providers of its own: a document is read once. */
const endpoints = { token_endpoint: '/token', jwks_uri: '/jwks', userinfo_endpoint: '/userinfo' } as const
const inward = Object.values(endpoints).flatMap((path) => [`points${path.replace('/', '-')}`, `sends${path.replace('/', '-')}`])
const names = ['down', 'slow', 'huge', 'redirecting', 'impostor', 'later', 'fine', ...inward]
const providers = new Map<string, OpenIdProvider>()
let inner: Listening
let server: TestServer

/** Issuers of our own network; every other way to write it is tried in outbound.test.ts. */
const inside: Record<string, (port: string) => string> = {
  loopback: (port) => `http://127.0.0.1:${port}`,
  'by-name': (port) => `https://localhost:${port}`,
  v6: (port) => `https://[::1]:${port}`,
  mapped: (port) => `https://[::ffff:127.0.0.1]:${port}`,
  metadata: () => 'http://169.254.169.254',
  'metadata-tls': () => 'https://169.254.169.254',
}

beforeAll(async () => {
  inner = await listening(() => ({ json: { secret: 'of the inside' } }))
  for (const name of names) providers.set(name, await startOpenIdProvider([`${publicUrl}/auth/callback/${name}`]))
  const outside = [...providers].map(([id, { url, client }]) => ({
    id,
    name: id,
    issuer: url,
    clientId: client.id,
    clientSecret: client.secret,
  }))
  const port = new URL(inner.url).port
  const others = [...Object.entries(inside), ['rebound', (at: string) => `https://rebound.example:${at}`] as const]
  server = await startTestServer({
    env: {
      PUBLIC_URL: publicUrl,
      OIDC_PROVIDERS: JSON.stringify([...outside, ...others.map(([id, at]) => ({ id, name: id, issuer: at(port), clientId: 'plinth' }))]),
      PRIVATE_HOSTS: [...providers.values()].map(({ host }) => host).join(','),
      OUTBOUND_TIMEOUT_MS: String(timeoutMs),
    },
  })
})
afterAll(async () => {
  await server?.stop()
  await inner?.stop()
  for (const provider of providers.values()) await provider.stop()
})

const the = (name: string): OpenIdProvider => {
  const provider = providers.get(name)
  if (!provider) throw new Error(`There is no provider ${name}`)
  return provider
}

/** The status and the time of a `start`. */
async function start(provider: string): Promise<{ status: number; code: string | undefined; ms: number; url: string }> {
  const begun = performance.now()
  const { status, error, data } = await openBrowser(server.url).mutate('auth.provider.start', { provider, delivery: 'COOKIE' })
  return { status, code: error?.data.code, ms: performance.now() - begun, url: (data as { url?: string } | undefined)?.url ?? '' }
}

const begin = (provider: string) => openBrowser(server.url).mutate('auth.provider.start', { provider, delivery: 'COOKIE' })
const unavailable = {
  status: 503,
  message: 'The provider does not answer just now. Try again later.',
  data: { code: 'UNAVAILABLE', httpStatus: 503, details: { retryAfterSeconds: 30 } },
}
const notConfirmed = {
  status: 400,
  message: 'The provider did not confirm this sign-in. Begin again.',
  data: { code: 'INVALID_TOKEN', httpStatus: 400 },
}

/** The hosts and ports that this process connects to while this runs. */
async function connectedTo(run: () => Promise<unknown>): Promise<string[]> {
  const connect = vi.spyOn(Socket.prototype, 'connect')
  try {
    await run()
    const given = (connect.mock.calls as unknown[]).flat(2) as ({ host?: unknown; port?: unknown } | string | number | null)[]
    return given.flatMap((each) => (typeof each === 'object' ? [String(each?.host), String(each?.port)] : [String(each)]))
  } finally {
    connect.mockRestore()
  }
}

/** Runs what is refused so: nobody was reached in our own network, and nothing began. */
async function keptOut(call: () => Promise<Answer>, told: object = unavailable): Promise<void> {
  const rows = `SELECT (SELECT count(*) FROM auth.provider_attempts) AS visits, (SELECT count(*) FROM auth.users) AS users,
                       (SELECT count(*) FROM auth.sessions) AS sessions`
  const state = async () => [inner.connections(), await query(server.database.ownerUrl, rows)]
  const before = await state()
  const answer = await call()
  expect([toldBy(answer), answer.setCookies, answer.text.includes('of the inside')]).toEqual([told, [], false])
  expect(await state()).toEqual(before)
}

test.each(Object.keys(inside))('O10 an issuer of our own network is not asked: %s', async (provider) => {
  const reached = await connectedTo(() => keptOut(() => begin(provider)))
  // The test's own connections to the database are among them.
  expect(reached).toContain(new URL(server.database.ownerUrl).port)
  expect(reached.filter((host) => ['169.254.169.254', '::1', '::ffff:7f00:1'].includes(host))).toEqual([])
})

test('O10 an issuer whose name leads into our own network is not asked, whichever of its addresses that is', async () => {
  const answers = [['127.0.0.1'], ['93.184.216.34', '127.0.0.1'], ['::ffff:127.0.0.1']]
  let lookups = 0
  const lookup = dns.lookup as (...asked: unknown[]) => void
  type Found = (error: null, addresses: object[]) => void
  const lookUp = vi.spyOn(dns, 'lookup').mockImplementation(((name: string, options: object, done: Found) => {
    if (name !== 'rebound.example') return lookup(name, options, done)
    const found = answers[lookups++] ?? []
    const addresses = found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    return done(null, addresses)
  }) as never)
  syncBuiltinESMExports()
  for (const _ of answers) await keptOut(() => begin('rebound'))
  lookUp.mockRestore()
  syncBuiltinESMExports()
  expect(lookups).toBe(3)
})

test('O10 an issuer that redirects into our own network gets nobody there', async () => {
  the('redirecting').moods.set('*', { redirect: `${inner.url}/latest/meta-data` })
  await keptOut(() => begin('redirecting'))
})

/** Comes back from a provider whose person it vouches for; what it says of them is behind userinfo. */
async function visited(name: string): Promise<() => Promise<Answer>> {
  const [browser, provider] = [openBrowser(server.url), the(name)]
  Object.assign(provider, { person: { sub: name, email: `${name}@example.com`, email_verified: true }, claimsIn: 'USER_INFO' })
  const { data } = await browser.mutate('auth.provider.start', { provider: name, delivery: 'COOKIE' })
  const { given } = await visit({ publicUrl, url: server.url }, (data as { url: string }).url)
  return () => browser.mutate('auth.provider.finish', given)
}

test.each(Object.entries(endpoints))(
  'O10 an issuer whose %s is in our own network gets nobody there, and nothing of it',
  async (name, path) => {
    const provider = `points${path.replace('/', '-')}`
    the(provider).lies = { metadata: { [name]: inner.url + path } }
    await keptOut(await visited(provider))
  },
)

test.each(Object.entries(endpoints))('O10 an issuer whose %s redirects into our own network gets nobody there', async (_, path) => {
  const provider = `sends${path.replace('/', '-')}`
  const finish = await visited(provider)
  the(provider).moods.set(path, { redirect: inner.url + path })
  await keptOut(finish, notConfirmed)
  expect(the(provider).asked).toContain(`${path === '/token' ? 'POST' : 'GET'} ${path}`)
})

test('what is in our own network could have been asked, and whoever has a provider that is well gets in', async () => {
  const finish = await visited('fine')
  expect((await finish()).data).toMatchObject({ status: 'SIGNED_IN' })
  expect(inner.connections()).toBe(0)
  expect([(await fetch(inner.url)).status, inner.connections()]).toEqual([200, 1])
})

test('an issuer whose document names another issuer is not used', async () => {
  the('impostor').lies = { metadata: { issuer: 'https://accounts.google.com' } }
  expect(await start('impostor')).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
})

test.each(['down', 'slow', 'huge'] as const)(
  'a provider that is %s costs its own callers a moment, then nothing, and nobody else',
  async (name) => {
    the(name).moods.set('*', name === 'down' ? 'DOWN' : name === 'slow' ? 'SLOW' : 'HUGE')
    for (const _ of [1, 2, 3]) {
      const { status, code, ms } = await start(name)
      expect([status, code]).toEqual([503, 'UNAVAILABLE'])
      expect(ms).toBeLessThan(timeoutMs + 2_000)
    }
    const asked = the(name).asked.length
    expect(await start(name)).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
    expect(the(name).asked).toHaveLength(asked)
    expect(await start('fine')).toMatchObject({ status: 200 })
  },
)

test('a provider that goes down in the middle of a visit is told of, and the visit is over', async () => {
  const [browser, provider] = [openBrowser(server.url), the('later')]
  provider.person = { sub: 'somebody', email: 'somebody@example.com', email_verified: true }
  const { url } = (await browser.mutate('auth.provider.start', { provider: 'later', delivery: 'COOKIE' })).data as { url: string }
  const { given } = await visit({ publicUrl, url: server.url }, url)
  provider.moods.set('/token', 'DOWN')
  const answer = await browser.mutate('auth.provider.finish', given)
  expect([answer.status, answer.error?.data]).toMatchObject([503, { code: 'UNAVAILABLE', details: { retryAfterSeconds: 30 } }])
  provider.moods.clear()
  expect((await browser.mutate('auth.provider.finish', given)).error?.data.code).toBe('INVALID_TOKEN')
})

test('a provider that is not configured is not found', async () => {
  expect(await start('nobody')).toMatchObject({ status: 404, code: 'NOT_FOUND' })
})
