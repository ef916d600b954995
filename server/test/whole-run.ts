/** Everything that people do with an account, done once over HTTP: for tests of what must hold of all of it. */
import { enrolApp } from './authenticator-app.ts'
import { newAuthenticator } from './authenticator.ts'
import { openBrowser, type Answer, type Browser } from './browser.ts'
import { query } from './database.ts'
import { eventually } from './outbox.ts'
import { completeBy, registerKey, signInBy, stepUpBy } from './passkeys.ts'
import { startOpenIdProvider, type OpenIdProvider } from './providers/openid.ts'
import { startPlexTv, type PlexTv } from './providers/plex.ts'
import { visit } from './providers/visit.ts'
import { startTestServer, type TestServer, type TestServerOptions } from './server.ts'

const publicUrl = 'https://plinth.example.com'
const password = 'nine lazy otters hum'
const passwords = [password, 'ten brisk herons wade', 'eleven calm badgers dig'] as const

export interface WholeRun {
  readonly server: TestServer
  /** Every Set-Cookie, and the procedure whose answer had it. */
  readonly cookies: readonly { readonly procedure: string; readonly line: string }[]
  /** Everything that was told by an answer, a cookie or a mail, or typed, and by which somebody gets in. */
  readonly secrets: ReadonlySet<string>
  stop(): Promise<void>
}

interface Scene {
  readonly server: TestServer
  readonly company: OpenIdProvider
  readonly plex: PlexTv
  readonly open: (headers?: Record<string, string>) => Browser
  /** Notes what a person or a program was shown, and gives it back. */
  readonly note: (...secrets: string[]) => void
}

/** Starts a server and goes through all of it. About six seconds, most of them hashing. */
export async function wholeRun(): Promise<WholeRun> {
  const [cookies, texts, noted]: [{ procedure: string; line: string }[], string[], Set<string>] = [[], [], new Set<string>(passwords)]
  const [company, plex] = [await startOpenIdProvider([`${publicUrl}/auth/callback/company`]), await startPlexTv()]
  const server = await startTestServer({ env: environment(company, plex) })
  const recording: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init)
    const procedure = new URL(input instanceof Request ? input.url : input).pathname.slice('/trpc/'.length)
    cookies.push(...answer.headers.getSetCookie().map((line) => ({ procedure, line })))
    texts.push(await answer.clone().text())
    return answer
  }
  const open = (headers = {}) => openBrowser(server.url, headers, recording)
  const scene: Scene = { server, company, plex, open, note: (...secrets) => secrets.forEach((secret) => noted.add(secret)) }
  for (const act of [byPassword, bySecondFactors, byProviders, byTools, byRecovery, byOthers]) await act(scene)
  const mails = await Promise.all(people.map((email) => server.mailsTo(email)))
  const told = [...texts, ...cookies.map(({ line }) => line), ...mails.flat().map(({ text }) => text)].join('\n')
  const stop = async () => {
    await server.stop()
    await Promise.all([company.stop(), plex.stop()])
  }
  return { server, cookies, secrets: new Set([...noted, ...secretsIn(told)]), stop }
}

/** What looks like a token of ours, and what an answer calls a secret. */
function secretsIn(told: string): string[] {
  const named = [...told.matchAll(/"(?:secret|key)":"([^"]+)"/g)].map(([, secret = '']) => secret)
  return [...named, ...(told.match(/pln_[a-z\d]{1,2}_[\w.-]{22,}/g) ?? [])]
}

const people = ['ada', 'bea', 'cleo', 'dora', 'ada.new', 'invited'].map((name) => `${name}@example.com`)

function environment(company: OpenIdProvider, plex: PlexTv): NonNullable<TestServerOptions['env']> {
  const settings = {
    id: 'company',
    name: 'The company',
    issuer: company.url,
    clientId: company.client.id,
    clientSecret: company.client.secret,
  }
  return {
    PUBLIC_URL: publicUrl,
    LOG_LEVEL: 'trace',
    OIDC_PROVIDERS: JSON.stringify([settings]),
    PLEX_CLIENT_ID: 'plinth-of-these-tests',
    PLEX_URL: plex.url,
    PLEX_SIGN_IN_URL: `${plex.url}/auth`,
    PRIVATE_HOSTS: `${company.host},${plex.host}`,
  }
}

/** Calls what must succeed, and gives its data. */
async function does<T>(answer: Promise<Answer>): Promise<T> {
  const { status, data, text } = await answer
  if (status !== 200) throw new Error(`${status}: ${text}`)
  return data as T
}

const signIn = (browser: Browser, email: string, more: object = {}) =>
  does<{ pendingToken: string; token: string }>(
    browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE', remember: true, ...more }),
  )

/** Signed up, verified and signed in, with the device remembered. */
async function person({ server, open }: Scene, email: string): Promise<Browser> {
  const browser = open()
  await does(browser.mutate('auth.signUp', { email, name: 'Somebody', password }))
  await does(browser.mutate('auth.verifyEmail', { token: await server.tokenMailedTo(email) }))
  await signIn(browser, email)
  return browser
}

/** Waits for the code in the newest mail to an address. */
async function codeMailedTo({ server, note }: Scene, email: string, but = ''): Promise<string> {
  const found = await eventually(async () => {
    const codes = (await server.mailsTo(email)).map(({ text }) => /(?:this code|code there): (\d{8})$/m.exec(text)?.[1])
    return codes.find((code) => code !== undefined && code !== but)
  })
  note(found)
  return found
}

async function byPassword(scene: Scene): Promise<void> {
  const [browser, email] = [await person(scene, 'ada@example.com'), 'ada@example.com']
  await does(browser.mutate('auth.stepUp.password', { password }))
  await does(browser.mutate('auth.remembered.signIn', { delivery: 'COOKIE' }))
  const remembered = await signIn(scene.open(), email, { delivery: 'TOKEN' })
  await does(scene.open({ authorization: `Bearer ${remembered.token}` }).mutate('auth.signOut'))
  const { pendingToken } = await does<{ pendingToken: string }>(browser.mutate('auth.emailSignIn.request', { email }))
  const code = await codeMailedTo(scene, email)
  await does(browser.mutate('auth.emailSignIn.byCode', { pendingToken, code, delivery: 'COOKIE' }))
  await does(browser.mutate('auth.emailSignIn.request', { email }))
  await codeMailedTo(scene, email, code)
  const token = await scene.server.tokenMailedTo(email, /this code: /)
  await does(browser.mutate('auth.emailSignIn.byLink', { token, delivery: 'COOKIE' }))
  await does(browser.mutate('auth.password.change', { currentPassword: password, password: passwords[1] }))
  await does(browser.mutate('auth.signOut'))
}

async function bySecondFactors(scene: Scene): Promise<void> {
  const [browser, email] = [await person(scene, 'bea@example.com'), 'bea@example.com']
  const key = newAuthenticator({ origin: publicUrl })
  await does(registerKey(browser, key, 'first'))
  await does(signInBy(browser, key))
  await does(stepUpBy(browser, key))
  const app = await enrolApp(browser)
  const { codes } = await does<{ codes: string[] }>(browser.mutate('auth.recoveryCode.regenerate'))
  scene.note(...codes, ...codes.map((code) => code.replaceAll('-', '')), app.code(), app.code(1), app.code(2))
  const [byApp, byKey, byCode] = [await signIn(browser, email), await signIn(scene.open(), email), await signIn(scene.open(), email)]
  await does(browser.mutate('auth.secondFactor.totp', { pendingToken: byApp.pendingToken, code: app.code(1) }))
  await does(completeBy(browser, byKey.pendingToken, key))
  await does(browser.mutate('auth.secondFactor.recoveryCode', { pendingToken: byCode.pendingToken, code: codes[0] }))
  await does(browser.mutate('auth.stepUp.recoveryCode', { code: codes[1] }))
  await query(scene.server.database.ownerUrl, 'UPDATE auth.totp_factors SET last_step = 0')
  await does(browser.mutate('auth.stepUp.totp', { code: app.code() }))
}

/** To the company and back, as this subject there. */
async function come({ server, company }: Scene, browser: Browser, by: string, sub = 'cleo'): Promise<Record<string, string>> {
  company.person = { sub, email: 'cleo@example.com', email_verified: true, name: 'Cleo' }
  const { url } = await does<{ url: string }>(browser.mutate(by, { provider: 'company', delivery: 'COOKIE' }))
  return (await visit({ publicUrl, url: server.url }, url)).given
}

async function byProviders(scene: Scene): Promise<void> {
  const [browser, { plex, note }] = [scene.open(), scene]
  const arrived = await come(scene, browser, 'auth.provider.start')
  note(arrived['code'] ?? '', arrived['state'] ?? '', `at_${arrived['code']}`)
  await does(browser.mutate('auth.provider.finish', arrived))
  await does(browser.mutate('auth.stepUp.provider', await come(scene, browser, 'auth.provider.proveAgain')))
  await does(browser.mutate('auth.provider.finish', await come(scene, browser, 'auth.provider.link', 'cleo-too')))
  const { pendingToken } = await does<{ pendingToken: string }>(browser.mutate('auth.stepUp.requestEmail'))
  await does(browser.mutate('auth.stepUp.email', { pendingToken, code: await codeMailedTo(scene, 'cleo@example.com') }))
  for (const door of ['auth.plex.link', 'auth.plex.start']) {
    const { id, url } = await does<{ id: string; url: string }>(browser.mutate(door, { delivery: 'COOKIE' }))
    note(plex.confirm(url, { id: 7, username: 'cleo', title: 'Cleo', email: 'cleo@example.com' }))
    await does(browser.mutate('auth.plex.check', { id, wait: 0 }))
  }
}

/** What tools are given, and those who are invited. */
async function byTools(scene: Scene): Promise<void> {
  const browser = await person(scene, 'dora@example.com')
  const { key } = await does<{ key: string }>(browser.mutate('auth.apiKey.create', { name: 'tool', scopes: ['auth.me'] }))
  await does(scene.open({ authorization: `Bearer ${key}` }).query('auth.me'))
  const { id: applicationId } = await does<{ id: string }>(browser.mutate('auth.application.create', { type: 'WEB', name: 'Engines' }))
  await does(browser.mutate('auth.applicationSecret.create', { applicationId, name: 'first' }))
  await does(browser.mutate('auth.applicationInvitation.create', { applicationId, email: 'invited@example.com', role: 'USER' }))
  await scene.server.tokenMailedTo('invited@example.com', /to the application/)
  const { id: teamId } = await does<{ id: string }>(browser.mutate('teams.create', { name: 'Engines', slug: 'engines' }))
  await does(browser.mutate('teams.invitation.create', { teamId, email: 'invited@example.com', role: 'VIEWER' }))
  await scene.server.tokenMailedTo('invited@example.com', /to the team/)
}

/** What is mailed to who lost something, moves, or leaves. */
async function byRecovery({ server, open }: Scene): Promise<void> {
  const [browser, email, moved] = [open(), 'ada@example.com', 'ada.new@example.com']
  await does(browser.mutate('auth.password.requestReset', { email }))
  const token = await server.tokenMailedTo(email, /asked for a new password/)
  await does(browser.mutate('auth.password.reset', { token, password }))
  await signIn(browser, email)
  await does(browser.mutate('auth.email.requestChange', { email: moved }))
  await does(browser.mutate('auth.email.approveChange', { token: await server.tokenMailedTo(email, /pln_ea_/) }))
  await does(browser.mutate('auth.email.confirmChange', { token: await server.tokenMailedTo(moved, /pln_ep_/) }))
  await server.tokenMailedTo(email, /pln_eu_/)
  await does(browser.mutate('auth.account.deactivate'))
  await server.tokenMailedTo(moved, /thirty days/)
}

/** An administrator looks through somebody's eyes. */
async function byOthers({ server, open }: Scene): Promise<void> {
  const [[victim]] = [await query<{ id: string }>(server.database.ownerUrl, `SELECT id FROM auth.users WHERE email = 'cleo@example.com'`)]
  await query(server.database.ownerUrl, `UPDATE auth.users SET role = 'ADMIN' WHERE email = 'dora@example.com'`)
  const browser = open()
  await signIn(browser, 'dora@example.com')
  await does(browser.mutate('auth.person.impersonate', { userId: victim?.id, reason: 'SUPPORT' }))
}
