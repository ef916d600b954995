/** The examples, run as they are: in Node, and in Chromium where there is one. */
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { chromium, type BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createViteServer } from 'vitest/node'
import { newAuthenticator, type Authenticator } from '../../server/test/authenticator.ts'
import { startTestServer, type TestServer } from '../../server/test/server.ts'
import { createClient, type Client } from '../src/index.ts'
import { comeBack, signIn } from './browser.ts'
import { addPasskey, completeByPasskey, proveAgain, signInByPasskey } from './passkeys.ts'
import { connectAs } from './tool.ts'

const password = 'nine lazy otters hum'
let server: TestServer
let key: Authenticator
let port: number

// Node has no passkeys of its own; Chromium below has the library's true functions.
vi.mock('@simplewebauthn/browser', () => ({
  startRegistration: async ({ optionsJSON }: { optionsJSON: never }) => key.register(optionsJSON),
  startAuthentication: async ({ optionsJSON }: { optionsJSON: never }) => key.sign(optionsJSON),
}))

beforeAll(async () => {
  port = await freePort()
  server = await startTestServer({ env: { PUBLIC_URL: `http://localhost:${port}` } })
  key = newAuthenticator({ origin: `http://localhost:${port}` })
})
afterAll(() => server.stop())

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => void probe.listen(0, () => resolve()))
  const { port: free } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return free
}

/** A client as in a page: it keeps cookies, and says where its calls come from. The tabs of one browser have their cookies in common. */
function clientOfPage(cookies = new Map<string, string>()): Client {
  const fetchLikeAPage: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers)
    headers.set('sec-fetch-site', 'same-origin')
    if (cookies.size > 0) headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(input, { ...init, headers })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    return response
  }
  return createClient({ url: server.url, fetch: fetchLikeAPage })
}

const unasked = async () => Promise.reject(new Error('No code is asked for'))

test('a tool signs in by a token', async () => {
  await server.signUpAs('tool@example.com', { password })
  const plinth = await connectAs(server.url, 'tool@example.com', password)
  expect(await plinth.auth.me.query()).toMatchObject({ email: 'tool@example.com' })
})

test('a page signs in by its cookie, registers a passkey, and uses it as first factor, as second and to step up', async () => {
  await server.signUpAs('page@example.com', { password })
  const plinth = clientOfPage()
  expect(await signIn(plinth, 'page@example.com', password, unasked)).toMatchObject({ email: 'page@example.com' })
  const shown: (readonly string[])[] = []
  const show = async (codes: readonly string[]) => void shown.push(codes)
  expect(await addPasskey(plinth, 'laptop', show)).toMatchObject({ name: 'laptop', verifiesPerson: true })
  expect(shown).toEqual([expect.objectContaining({ length: 10 })])
  expect(await plinth.auth.account.secondFactors.query()).toEqual({ passkeys: 1, totp: false, recoveryCodesLeft: 10 })
  await proveAgain(plinth)
  expect(await signInByPasskey(clientOfPage())).toMatchObject({ status: 'SIGNED_IN', me: { email: 'page@example.com' } })
  const first = await plinth.auth.signIn.mutate({ email: 'page@example.com', password, delivery: 'COOKIE' })
  if (first.status !== 'SECOND_FACTOR') throw new Error('who has a passkey is asked for it')
  expect(await completeByPasskey(plinth, first.pendingToken)).toMatchObject({ status: 'SIGNED_IN' })
})

test('ten tabs that a browser restores at once are all signed in by the device, as one session; where nothing is remembered nobody is', async () => {
  await server.signUpAs('tabs@example.com', { password })
  const cookies = new Map<string, string>()
  const page = clientOfPage(cookies)
  await page.auth.signIn.mutate({ email: 'tabs@example.com', password, delivery: 'COOKIE', remember: true })
  const sessions = async () => (await page.auth.session.list.query({})).items.length
  const before = await sessions()
  cookies.delete('plinth_session')
  const people = await Promise.all(Array.from({ length: 10 }, () => comeBack(clientOfPage(cookies), unasked)))
  expect(people.map((me) => me?.email)).toEqual(Array(10).fill('tabs@example.com'))
  expect(await sessions()).toBe(before + 1)
  expect(await comeBack(clientOfPage(), unasked)).toBeNull()
})

test('Chromium runs the same examples, with an authenticator of its own', { timeout: 120_000 }, async ({ skip }) => {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
  if (executablePath === undefined) return skip('Chromium is not installed here: apt-get install chromium')
  await server.signUpAs('chromium@example.com', { password })
  await using pages = await servePages()
  expect(pages.url).toBe(`http://localhost:${port}`)
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage()
    const devtools = await page.context().newCDPSession(page)
    await devtools.send('WebAuthn.enable')
    const options = { protocol: 'ctap2', transport: 'internal', automaticPresenceSimulation: true } as const
    const able = { hasResidentKey: true, hasUserVerification: true, isUserVerified: true }
    await devtools.send('WebAuthn.addVirtualAuthenticator', { options: { ...options, ...able } })
    await page.goto(`${pages.url}/empty.html`)
    const seen = await page.evaluate<unknown>(`(async () => {
      const [{ connect, signIn }, { addPasskey, proveAgain, signInByPasskey }] = await Promise.all([import('/browser.ts'), import('/passkeys.ts')])
      const plinth = connect(location.origin)
      const me = await signIn(plinth, 'chromium@example.com', '${password}', async () => '')
      let codes = []
      const passkey = await addPasskey(plinth, 'chromium', async (shown) => { codes = shown })
      await proveAgain(plinth)
      await plinth.auth.signOut.mutate()
      const answer = await signInByPasskey(plinth)
      return { email: me.email, name: passkey.name, verifies: passkey.verifiesPerson, codes: codes.length, status: answer.status, again: (await plinth.auth.me.query()).email }
    })()`)
    const email = 'chromium@example.com'
    expect(seen).toEqual({ email, name: 'chromium', verifies: true, codes: 10, status: 'SIGNED_IN', again: email })
    const tabs = await restoredTabs(await browser.newContext(), pages.url)
    expect(tabs).toEqual(Array(10).fill('restored@example.com'))
  } finally {
    await browser.close()
  }
})

/** Ten tabs of a browser whose session is over and that is remembered, opened at once: who is signed in in each. */
async function restoredTabs(browser: BrowserContext, url: string): Promise<unknown[]> {
  await server.signUpAs('restored@example.com', { password })
  const open = async () => {
    const page = await browser.newPage()
    await page.goto(`${url}/empty.html`)
    return page
  }
  await (
    await open()
  ).evaluate(`import('/browser.ts').then(({ connect }) => connect(location.origin).auth.signIn.mutate(
    { email: 'restored@example.com', password: '${password}', delivery: 'COOKIE', remember: true }))`)
  await browser.clearCookies({ name: 'plinth_session' })
  const tabs = await Promise.all(Array.from({ length: 10 }, open))
  const comeBack = `import('/browser.ts').then(async ({ connect, comeBack }) => (await comeBack(connect(location.origin), async () => ''))?.email)`
  return Promise.all(tabs.map((tab) => tab.evaluate<unknown>(comeBack)))
}

/** Serves the examples as modules, and the API under the same host. */
async function servePages(): Promise<AsyncDisposable & { url: string }> {
  const vite = await createViteServer({
    configFile: false,
    root: import.meta.dirname,
    logLevel: 'silent',
    cacheDir: `${import.meta.dirname}/../../.plinth/vite`,
    optimizeDeps: { noDiscovery: true, include: ['@simplewebauthn/browser', '@trpc/client', 'superjson', 'eventsource'] },
    plugins: [
      {
        name: 'empty-page',
        configureServer: ({ middlewares }) =>
          void middlewares.use('/empty.html', (_, response) => void response.setHeader('content-type', 'text/html').end('<!doctype html>')),
      },
    ],
    server: { port, strictPort: true, host: 'localhost', hmr: false, ws: false, watch: null, proxy: { '/trpc': server.url } },
  })
  await vite.listen()
  return { url: `http://localhost:${port}`, [Symbol.asyncDispose]: () => vite.close() }
}
