/** No way in leads past a second factor, and what waits for it opens nothing: every way, and every procedure of the router. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { guarded, knock } from '../../../test/guarded.ts'
import { eventually } from '../../../test/outbox.ts'
import { completeBy, signInBy } from '../../../test/passkeys.ts'
import { comeBy, comeByPlex, everywherePassword, personEverywhere, type Everywhere } from '../../../test/providers/everywhere.ts'
import { startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { waysInOf } from '../../../test/ways-in.ts'

const email = 'everywhere@example.com'
let place: Installation
let who: Everywhere
let password = everywherePassword

beforeAll(async () => {
  place = await startInstallation()
  who = await personEverywhere(place, email)
})
afterAll(() => place?.stop())

const open = (always = {}) => openBrowser(place.server.url, always)
const showPassword = (where: Browser, more = {}) => where.mutate('auth.signIn', { email, password, delivery: 'COOKIE', ...more })
const waysIn = () => waysInOf(place.server.database.ownerUrl, email)
const pendingOf = ({ data }: Answer) => (data as { pendingToken: string }).pendingToken
/** The next code of the app: each is taken once. */
const nextCode = async () => {
  await advance(place.server.database.ownerUrl, 60_000)
  return who.app.code()
}
const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }

/** Asks for a mail to sign in by, and gives what is in it. */
async function mailed(where: Browser): Promise<{ pendingToken: string; code: string; token: string }> {
  const mails = async () => (await place.server.mailsTo(email)).filter(({ subject }) => subject === 'Sign in')
  const seen = (await mails()).length
  const pendingToken = pendingOf(await where.mutate('auth.emailSignIn.request', { email }))
  const [mail] = await eventually(async () => {
    const all = await mails()
    return all.length > seen && all
  })
  const found = (pattern: RegExp) => pattern.exec(mail?.text ?? '')?.[1] ?? ''
  return { pendingToken, code: found(/type this code: (\d{8})$/m), token: found(/#token=([\w-]+)/) }
}

/** Chooses a new password by a link, and shows it. */
async function afterReset(where: Browser): Promise<Answer> {
  await where.mutate('auth.password.requestReset', { email })
  const token = await place.server.tokenMailedTo(email, /pln_r_/)
  password = 'ten brisk herons wade'
  const reset = await where.mutate('auth.password.reset', { token, password })
  expect([reset.data, reset.setCookies]).toEqual([{ status: 'RESET' }, []])
  return showPassword(where)
}

/** What an earlier sign-in left on the device. */
async function remembered(where: Browser): Promise<Answer> {
  const first = open()
  const done = await completeBy(first, pendingOf(await showPassword(first, { remember: true })), who.key)
  expect(done.status).toBe(200)
  where.cookies.set('__Host-plinth_remembered', first.cookies.get('__Host-plinth_remembered') ?? '')
  return where.mutate('auth.remembered.signIn', { delivery: 'COOKIE' })
}

test.each<[string, string, (where: Browser) => Promise<Answer>]>([
  ['the password', 'PASSWORD', (where) => showPassword(where)],
  [
    'a link by mail',
    'EMAIL',
    async (where) => where.mutate('auth.emailSignIn.byLink', { token: (await mailed(where)).token, delivery: 'COOKIE' }),
  ],
  [
    'a code by mail',
    'EMAIL',
    async (where) => {
      const { pendingToken, code } = await mailed(where)
      return where.mutate('auth.emailSignIn.byCode', { pendingToken, code, delivery: 'COOKIE' })
    },
  ],
  ['an OpenID provider', 'PROVIDER', (where) => comeBy(place, where, 'company')],
  ['GitHub', 'PROVIDER', (where) => comeBy(place, where, 'github')],
  ['Plex', 'PLEX', (where) => comeByPlex(place, where)],
  ['a passkey that did not verify its person', 'PASSKEY', (where) => signInBy(where, who.key, { verifies: false })],
  ['a device that is remembered', 'REMEMBERED', remembered],
  ['a password that was just reset', 'PASSWORD', afterReset],
])('M01 M09 who comes by %s is asked for the second factor, has no session before, and one of level 2 after', async (_, method, come) => {
  const where = open()
  const answer = await come(where)
  const { session } = await waysIn()
  expect([answer.status, answer.data]).toEqual([
    200,
    {
      status: 'SECOND_FACTOR',
      pendingToken: expect.stringMatching(/^pln_2_[\w-]{43}$/),
      methods: ['PASSKEY', 'TOTP'],
      expiresAt: expect.any(Date),
    },
  ])
  // What a device is remembered by is replaced whenever it is used; it is in the browser that asks next.
  expect(answer.setCookies.filter((line) => !line.startsWith('__Host-plinth_remembered='))).toEqual([])
  expect([toldBy(await where.query('auth.me')), where.cookies.has('__Host-plinth_session')]).toEqual([nobody, false])
  expect((await waysIn()).session).toEqual(session)
  const code = await nextCode()
  expect((await where.mutate('auth.secondFactor.totp', { pendingToken: pendingOf(answer), code })).status).toBe(200)
  const after = (await waysIn()).session
  expect(after).toEqual([...session, expect.objectContaining({ level: 2, methods: [method, 'TOTP'] })])
})

test('M01 what waits for its second factor opens no procedure that has a door, however it is shown', async () => {
  const pendingToken = pendingOf(await showPassword(open()))
  const kept = await waysIn()
  const cookies = ['session', 'remembered', 'visit', 'device'].map((name) => `__Host-plinth_${name}=${pendingToken}`)
  expect(guarded.map(({ path }) => path)).toEqual(expect.arrayContaining(['auth.me', 'auth.totp.disable', 'auth.session.list']))
  for (const shown of [{ authorization: `Bearer ${pendingToken}` }, { cookie: cookies.join('; ') }])
    for (const each of guarded) expect([each.path, toldBy(await knock(open(shown), each))]).toEqual([each.path, nobody])
  expect(await waysIn()).toEqual(kept)
})

test('M01 what waits for its second factor is no token of anything else', async () => {
  const pendingToken = pendingOf(await showPassword(open()))
  const kept = await waysIn()
  const link = { status: 400, message: 'This link is unknown, was used, or is too old.', data: { code: 'INVALID_TOKEN', httpStatus: 400 } }
  const told = (message: string) => ({ ...nobody, message })
  for (const [path, input, expected] of [
    ['auth.verifyEmail', { token: pendingToken }, link],
    ['auth.password.reset', { token: pendingToken, password: 'eleven shy geese rest' }, link],
    ['auth.email.approveChange', { token: pendingToken }, link],
    ['auth.email.undoChange', { token: pendingToken }, link],
    ['auth.account.reactivate', { token: pendingToken }, link],
    ['auth.emailSignIn.byLink', { token: pendingToken, delivery: 'COOKIE' }, link],
    ['auth.emailSignIn.byCode', { pendingToken, code: '12345678', delivery: 'COOKIE' }, told('The code is wrong, or too old.')],
    ['auth.remembered.signIn', { token: pendingToken, delivery: 'COOKIE' }, told('This device is not remembered any more. Sign in.')],
  ] as const) {
    const answer = await open().mutate(path, input)
    expect([path, toldBy(answer), answer.setCookies]).toEqual([path, expected, []])
  }
  expect(await waysIn()).toEqual(kept)
  expect((await open().mutate('auth.secondFactor.totp', { pendingToken, code: await nextCode() })).status).toBe(200)
})
