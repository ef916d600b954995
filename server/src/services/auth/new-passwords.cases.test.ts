import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { wholeState } from '../../../test/whole-state.ts'
import { setUpCode } from './index.ts'

const first = 'correct horse battery staple'
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const open = (token?: string) => openBrowser(server.url, token === undefined ? {} : { authorization: `Bearer ${token}` })
const newEmail = () => `lovelace${(last += 1)}@example.com`
const signIn = (email: string, password: string) => open().mutate('auth.signIn', { email, password, delivery: 'TOKEN' })

/** A place where somebody chooses a password, and the address whose password it then is. */
interface Door {
  readonly email: string
  /** Chooses it. A refusal leaves the door open. */
  choose(password: string): Promise<Answer>
  /** What is left to do after a choice that was taken. */
  settle?(): Promise<unknown>
}

const doors: Record<string, (email: string) => Promise<Door>> = {
  'at sign-up': async (email) => ({
    email,
    choose: (password) => open().mutate('auth.signUp', { email, name: 'Ada', password }),
    settle: async () => open().mutate('auth.verifyEmail', { token: await server.tokenMailedTo(email) }),
  }),
  'at a change': async (email) => {
    const { token } = await server.signUpAs(email, { password: first })
    return { email, choose: (password) => open(token).mutate('auth.password.change', { currentPassword: first, password }) }
  },
  'by a reset': async (email) => {
    await server.signUpAs(email, { password: first })
    await open().mutate('auth.password.requestReset', { email })
    const token = await server.tokenMailedTo(email, /new password/)
    return { email, choose: (password) => open().mutate('auth.password.reset', { token, password }) }
  },
  'at the setup': async (email) => {
    const code = await setUpCode()
    return { email, choose: (password) => open().mutate('auth.setUp', { code, email, name: 'Ada', password }) }
  },
}
const places = Object.entries(doors)

const common = 'is too common: it is among the first that a guesser tries'

async function expectRefused({ choose }: Door, password: string, fault: string): Promise<void> {
  const before = await wholeState(server.database.ownerUrl)
  const answer = await choose(password)
  const details = { fields: { password: [fault] }, ...(fault === common && { reason: 'COMMON_PASSWORD' }) }
  const data = { code: 'BAD_REQUEST', httpStatus: 400, details }
  const message = password.length > 1_024 ? 'The input is not what this procedure takes.' : `This password ${fault}.`
  expect(toldBy(answer), password.slice(0, 40)).toEqual({ status: 400, message, data })
  expect(answer.text).not.toContain(password.slice(0, 12))
  expect(await wholeState(server.database.ownerUrl)).toEqual(before)
}

async function expectTaken({ email, choose, settle }: Door, password: string): Promise<void> {
  expect((await choose(password)).status, password.slice(0, 40)).toBe(200)
  await settle?.()
  expect(await signIn(email, password)).toMatchObject({ status: 200, data: { status: 'SIGNED_IN', me: { email } } })
}

const sentence = 'nine lazy otters hum at dusk, softly; nobody minds. '.repeat(3)
const emoji = '🦦🌙🪵🔥🎻🐝🌾🧭🛶🍄🪁🧵🫖🪺🦉'
const short = 'needs at least 15 characters'
const long = 'is longer than 128 characters'

describe.each(places)('a password that is chosen %s', (_place, doorOf) => {
  test('A08 has 15 to 128 code points: fewer and more are refused, at once where it is a megabyte', async () => {
    const door = await doorOf(newEmail())
    await expectRefused(door, sentence.slice(0, 14), short)
    await expectRefused(door, [...emoji].slice(0, 14).join(''), short)
    for (const length of [129, 1_024, 1_025, 20_000]) await expectRefused(door, 'nine lazy otters '.repeat(2_000).slice(0, length), long)
    const before = await wholeState(server.database.ownerUrl)
    const begun = performance.now()
    const tooLarge = { code: 'PAYLOAD_TOO_LARGE', httpStatus: 413 }
    expect(toldBy(await door.choose('x'.repeat(1024 * 1024)))).toEqual({
      status: 413,
      message: 'A request to this procedure holds at most 64 kB.',
      data: tooLarge,
    })
    expect(performance.now() - begun).toBeLessThan(2_000)
    expect(await wholeState(server.database.ownerUrl)).toEqual(before)
  })

  test('A11 is none of those that guessers try first: a reason of its own says so', async () => {
    const email = newEmail()
    const door = await doorOf(email)
    const guesses = ['passwordpassword', 'qwertyuiopasdfgh', '123456789012345', 'plinthplinthplinth', 'auraidauraidauraid']
    for (const guess of [...guesses, email, email.toUpperCase(), 'lovelacelovelace']) await expectRefused(door, guess, common)
  })
})

describe.each(places.filter(([place]) => place !== 'at the setup'))('a password that is chosen %s', (_place, doorOf) => {
  test.each([
    ['of 15 characters', sentence.slice(0, 15)],
    ['of 64 characters', sentence.slice(0, 64)],
    ['of 128 characters', sentence.slice(0, 128)],
    ['of spaces and words', '   nine   lazy   otters   '],
    ['of 15 emoji', emoji],
  ])('A08 may be one %s, and signs in', async (_what, password) => {
    await expectTaken(await doorOf(newEmail()), password)
  })

  test('A10 is exact, in any Unicode form', async () => {
    const email = newEmail()
    const exact = '  Café au lait, s’il vous plaît '
    const owner = () =>
      query(
        server.database.ownerUrl,
        'SELECT u.*, p.hash, p.changed_at FROM auth.users AS u JOIN auth.passwords AS p ON p.user_id = u.id WHERE email = $1',
        [email],
      )
    await expectTaken(await doorOf(email), exact.normalize('NFD'))
    const before = await owner()
    expect(before).toHaveLength(1)
    const others = [
      exact.trimStart(),
      exact.trimEnd(),
      ` ${exact}`,
      `${exact} `,
      exact.toLowerCase(),
      exact.toUpperCase(),
      exact.replaceAll('é', 'e'),
    ]
    for (const wrong of others)
      expect(toldBy(await signIn(email, wrong)), JSON.stringify(wrong)).toEqual({
        status: 401,
        message: 'The email address or the password is wrong.',
        data: { code: 'UNAUTHORIZED', httpStatus: 401 },
      })
    expect(await owner()).toEqual(before)
    for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD']) expect((await signIn(email, exact.normalize(form))).status, form).toBe(200)
  })
})

test('A08 the administrator who sets an installation up signs in by the password of 15 characters that they chose', async () => {
  await expectTaken(await (doors['at the setup'] as (email: string) => Promise<Door>)('boss@example.com'), sentence.slice(0, 15))
})
