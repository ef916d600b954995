import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../../../test/browser.ts'
import { listening, type Listening } from '../../../test/providers/listening.ts'
import { startOpenIdProvider, type OpenIdProvider } from '../../../test/providers/openid.ts'
import { visit } from '../../../test/providers/visit.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const publicUrl = 'https://plinth.example.com'
const timeoutMs = 1_000
const names = ['down', 'slow', 'huge', 'redirecting', 'impostor', 'inward', 'later', 'fine'] as const
const providers = new Map<string, OpenIdProvider>()
let inner: Listening
let server: TestServer

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
  const inside = [
    ['inside', inner.url],
    ['by-name', inner.url.replace('127.0.0.1', 'localhost')],
    ['metadata', 'http://169.254.169.254'],
    ['metadata-tls', 'https://169.254.169.254'],
  ].map(([id, issuer]) => ({ id, name: id, issuer, clientId: 'plinth' }))
  server = await startTestServer({
    env: {
      PUBLIC_URL: publicUrl,
      OIDC_PROVIDERS: JSON.stringify([...outside, ...inside]),
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

const the = (name: (typeof names)[number]): OpenIdProvider => {
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

test.each(['inside', 'by-name', 'metadata', 'metadata-tls'])('O10 an issuer of our own network is not asked: %s', async (provider) => {
  expect(await start(provider)).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
  expect(inner.asked).toEqual([])
})

test('O10 an issuer that redirects into our own network gets nobody there', async () => {
  the('redirecting').moods.set('*', { redirect: `${inner.url}/latest/meta-data` })
  expect(await start('redirecting')).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
  expect(inner.asked).toEqual([])
})

test('O10 an issuer whose document points into our own network gets nobody there, and nothing of it', async () => {
  const [browser, provider] = [openBrowser(server.url), the('inward')]
  provider.person = { sub: 'anybody', email: 'anybody@example.com', email_verified: true }
  for (const endpoint of ['token_endpoint', 'jwks_uri']) {
    provider.lies = { metadata: { [endpoint]: `${inner.url}/${endpoint}` } }
    const { url } = (await browser.mutate('auth.provider.start', { provider: 'inward', delivery: 'COOKIE' })).data as { url: string }
    const { given } = await visit({ publicUrl, url: server.url }, url)
    const answer = await browser.mutate('auth.provider.finish', given)
    expect.soft([answer.status, answer.error?.data.code]).toEqual([503, 'UNAVAILABLE'])
  }
  expect(inner.asked).toEqual([])
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
