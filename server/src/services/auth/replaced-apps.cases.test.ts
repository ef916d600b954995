/** An app that took the place of another: taken back, it gives that one back, or whoever has the mailbox would be further than before. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp, type AuthenticatorApp } from '../../../test/authenticator-app.ts'
import { openBrowser, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { removeOld } from './retention.ts'

const password = 'nine lazy otters hum'
const day = 24 * 60 * 60 * 1000
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const signIn = (email: string, browser = open()) => browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
const undo = async (token: string) => said(await open().mutate('auth.account.undoFactor', { token }))
const said = ({ status, data }: Answer) => [status, data]
const undone = [200, { status: 'UNDONE', factor: 'TOTP' }]

interface Person {
  readonly id: string
  readonly email: string
  readonly browser: Browser
}

async function person(): Promise<Person> {
  const email = `apps${++last}@example.com`
  const { me } = await server.signUpAs(email, { password })
  const browser = open()
  await signIn(email, browser)
  return { id: me.id, email, browser }
}

/** Enrols so many apps, each in the place of the one before, and gives them with the links of their mails, in that order. */
async function enrolled({ email, browser }: Person, count: number): Promise<{ app: AuthenticatorApp; link: string }[]> {
  const made: { app: AuthenticatorApp; link: string }[] = []
  for (let index = 0; index < count; index += 1) {
    const app = await enrolApp(browser)
    const known = made.map(({ link }) => link)
    const link = await eventually(async () =>
      (await server.mailsTo(email))
        .map(({ text }) => /#token=(pln_fu_[\w-]+)/.exec(text)?.[1] ?? '')
        .find((each) => each !== '' && !known.includes(each)),
    )
    made.push({ app, link })
  }
  return made
}

/** Which of the apps completes a sign-in: its place, counted from 0; none where no second factor is asked for. */
async function asksFor({ email }: Person, made: readonly { app: AuthenticatorApp }[], later: number): Promise<number[]> {
  const right: number[] = []
  for (const [index, { app }] of made.entries()) {
    const { pendingToken = '' } = (await signIn(email)).data as { pendingToken?: string }
    const { status } = await open().mutate('auth.secondFactor.totp', { pendingToken, code: app.code(later) })
    if (status === 200) right.push(index)
  }
  return right
}

const rowsOf = ({ id }: Person) =>
  ask('SELECT deleted_at IS NULL AS alive FROM auth.totp_factors WHERE user_id = $1 ORDER BY confirmed_at', [id])

test('R08 an app that a thief put in the place of the owner’s is taken back, and the owner’s is asked for again', async () => {
  const who = await person()
  const [own, thiefs] = await enrolled(who, 2)
  expect(await asksFor(who, [own!, thiefs!], 1)).toEqual([1])
  expect(await undo(thiefs!.link)).toEqual(undone)
  expect(await rowsOf(who)).toEqual([{ alive: true }])
  expect((await signIn(who.email)).data).toMatchObject({ status: 'SECOND_FACTOR', methods: ['TOTP'] })
  // Later by one: what its owner typed before is worth nothing still.
  expect(await asksFor(who, [own!, thiefs!], 0)).toEqual([])
  expect(await asksFor(who, [own!, thiefs!], 1)).toEqual([0])
})

test('R08 of two that a thief put there one after the other, the link of the first takes both back, in either order', async () => {
  const [first, second] = [await person(), await person()]
  const [a, b] = [await enrolled(first, 3), await enrolled(second, 3)]
  expect(await undo(a[1]!.link)).toEqual(undone)
  expect(await asksFor(first, a, 1)).toEqual([0])
  expect(await undo(a[2]!.link)).toEqual(undone)
  expect(await rowsOf(first)).toEqual([{ alive: true }])

  expect(await undo(b[2]!.link)).toEqual(undone)
  expect(await asksFor(second, b, 1)).toEqual([1])
  expect(await undo(b[1]!.link)).toEqual(undone)
  expect(await rowsOf(second)).toEqual([{ alive: true }])
  await advance(server.database.ownerUrl, 60_000)
  expect(await asksFor(second, b, 0)).toEqual([0])
})

test('an app whose place another took is kept while that can be taken back, and no longer; whoever has left comes back with theirs', async () => {
  const [who, leaver] = [await person(), await person()]
  await enrolled(who, 2)
  await enrolled(leaver, 1)
  await leaver.browser.mutate('auth.account.deactivate')
  await advance(server.database.ownerUrl, 7 * day + 60_000)
  await removeOld('removedApps')
  expect(await rowsOf(who)).toEqual([{ alive: false }, { alive: true }])
  await advance(server.database.ownerUrl, day)
  await removeOld('removedApps')
  expect([await rowsOf(who), await rowsOf(leaver)]).toEqual([[{ alive: true }], [{ alive: false }]])
  const token = await server.tokenMailedTo(leaver.email, /pln_ra_/)
  expect((await open().mutate('auth.account.reactivate', { token })).status).toBe(200)
  expect((await signIn(leaver.email)).data).toMatchObject({ status: 'SECOND_FACTOR', methods: ['TOTP'] })
})

test('an app that its owner took away does not come back by the link of its own mail', async () => {
  const who = await person()
  const [, second] = await enrolled(who, 2)
  expect((await who.browser.mutate('auth.totp.disable')).status).toBe(200)
  expect(await undo(second!.link)).toEqual(undone)
  expect((await rowsOf(who)).filter(({ alive }) => alive)).toEqual([])
  expect((await signIn(who.email)).data).toMatchObject({ status: 'SIGNED_IN' })
})

test('the link of an app that is gone already takes away none that its owner enrolled since', async () => {
  const who = await person()
  const [first, second] = await enrolled(who, 2)
  expect(await undo(first!.link)).toEqual(undone)
  const browser = open()
  await signIn(who.email, browser)
  const own = await enrolApp(browser)
  expect(await undo(second!.link)).toEqual(undone)
  expect(await asksFor(who, [{ app: own }], 1)).toEqual([0])
})
