import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import type { TestPerson } from '../../../test/people.ts'
import { refusal } from '../../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const addressOf = async ({ me }: TestPerson) =>
  (await query<{ email: string }>(server.database.ownerUrl, 'SELECT email FROM auth.users WHERE id = $1', [me.id]))[0]?.email
const stranger = () => server.client().auth.email
const own = ({ token }: TestPerson) => server.client(token).auth.email
const kinds = { approval: 'pln_ea_', proof: 'pln_ep_', undo: 'pln_eu_', verification: 'pln_v_' } as const

/** The newest token of a kind that an address was mailed; `but` are the ones known before. */
const mailed = (email: string, kind: keyof typeof kinds, but: readonly string[] = []) =>
  eventually(async () => {
    const tokens = (await server.mailsTo(email)).map(({ text }) => new RegExp(`#token=(${kinds[kind]}[\\w-]+)`).exec(text)?.[1])
    return tokens.find((token) => token !== undefined && !but.includes(token))
  })

async function changed(person: TestPerson, to: string): Promise<void> {
  await own(person).requestChange.mutate({ email: to })
  await stranger().approveChange.mutate({ token: await mailed(person.email, 'approval') })
  const done = await own(person).confirmChange.mutate({ token: await mailed(to, 'proof') })
  expect(done).toEqual({ status: 'CHANGED' })
}

test('an address changes when the old one has agreed and the new one is proven, in either order, and not before', async () => {
  const ada = await server.signUpAs('ada@example.com')
  await expect(own(ada).requestChange.mutate({ email: 'ada@new.example' })).resolves.toEqual({ status: 'CHECK_EMAIL' })
  const [approval, proof] = [await mailed(ada.email, 'approval'), await mailed('ada@new.example', 'proof')]
  await expect(own(ada).confirmChange.mutate({ token: proof })).resolves.toEqual({ status: 'WAITS_FOR_OLD' })
  expect(await addressOf(ada)).toBe('ada@example.com')
  await expect(stranger().approveChange.mutate({ token: approval })).resolves.toEqual({ status: 'CHANGED' })
  expect(await addressOf(ada)).toBe('ada@new.example')
  await expect(server.client(ada.token).auth.me.query()).resolves.toMatchObject({ email: 'ada@new.example', emailVerified: true })
  for (const token of [approval, proof])
    await expect(refusal(stranger().approveChange.mutate({ token }))).resolves.toMatchObject({ code: 'INVALID_TOKEN' })
  await eventually(async () =>
    (await server.mailsTo('ada@new.example')).find(({ subject }) => subject === 'Your email address was changed'),
  )

  const back = await server.client(ada.token).auth.email.requestChange.mutate({ email: 'ada@third.example' })
  expect(back.status).toBe('CHECK_EMAIL')
  await expect(stranger().approveChange.mutate({ token: await mailed('ada@new.example', 'approval') })).resolves.toEqual({
    status: 'WAITS_FOR_NEW',
  })
})

test('a sign-up that nobody proved keeps no former address from its owner, and a proven account does', async () => {
  const fay = await server.signUpAs('fay@example.com')
  await changed(fay, 'fay@new.example')
  await server.client().auth.signUp.mutate({ email: 'fay@example.com', name: 'Squatter', password: 'nine lazy otters hum' })
  await stranger().undoChange.mutate({ token: await mailed('fay@example.com', 'undo') })
  expect(await addressOf(fay)).toBe('fay@example.com')

  const gil = await server.signUpAs('gil@example.com')
  await changed(gil, 'gil@new.example')
  const undo = await mailed('gil@example.com', 'undo')
  const used = await mailed('gil@example.com', 'verification')
  await server.client().auth.signUp.mutate({ email: 'gil@example.com', name: 'Other', password: 'nine lazy otters hum' })
  await server.client().auth.verifyEmail.mutate({ token: await mailed('gil@example.com', 'verification', [used]) })
  await expect(refusal(stranger().undoChange.mutate({ token: undo }))).resolves.toMatchObject({
    code: 'CONFLICT',
    details: { reason: 'NAME_TAKEN', field: 'email' },
  })
  expect(await addressOf(gil)).toBe('gil@new.example')
})

test('an address that has an account is answered like any other, and its owner learns no more than that somebody asked', async () => {
  const [ivy, joe] = [await server.signUpAs('ivy@example.com'), await server.signUpAs('joe@example.com')]
  const ask = (email: string) =>
    openBrowser(server.url, { authorization: `Bearer ${ivy.token}` }).mutate('auth.email.requestChange', { email })
  const [free, taken] = [await ask('nobody@example.com'), await ask(joe.email)]
  expect([taken.status, taken.text]).toEqual([free.status, free.text])
  const mail = await eventually(async () =>
    (await server.mailsTo(joe.email)).find(({ subject }) => subject === 'You already have an account'),
  )
  expect(mail.text).not.toMatch(/token|ivy/)
  expect(await addressOf(joe)).toBe('joe@example.com')
})

test('whoever reads a mistyped address proves nothing with the link', async () => {
  const [kim, reader] = [await server.signUpAs('kim@example.com'), await server.signUpAs('reader@example.com')]
  await own(kim).requestChange.mutate({ email: 'reader@other.example' })
  const token = await mailed('reader@other.example', 'proof')
  await expect(refusal(own(reader).confirmChange.mutate({ token }))).resolves.toMatchObject({ code: 'INVALID_TOKEN' })
  await expect(refusal(stranger().confirmChange.mutate({ token }))).resolves.toMatchObject({ code: 'UNAUTHORIZED' })
  await expect(own(kim).confirmChange.mutate({ token })).resolves.toEqual({ status: 'WAITS_FOR_OLD' })
})

test('both links followed at once, twenty times each, change the address once', async () => {
  const lea = await server.signUpAs('lea@example.com')
  await own(lea).requestChange.mutate({ email: 'lea@new.example' })
  const [approval, proof] = [await mailed(lea.email, 'approval'), await mailed('lea@new.example', 'proof')]
  const browser = () => openBrowser(server.url, { authorization: `Bearer ${lea.token}` })
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => [
      browser().mutate('auth.email.approveChange', { token: approval }),
      browser().mutate('auth.email.confirmChange', { token: proof }),
    ]).flat(),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(2)
  expect(answers.filter(({ data }) => (data as { status?: string } | undefined)?.status === 'CHANGED')).toHaveLength(1)
  expect(
    await query(server.database.ownerUrl, `SELECT FROM core.activity WHERE event = 'auth.email_change.completed' AND user_id = $1`, [
      lea.me.id,
    ]),
  ).toHaveLength(1)
})

test('the links are good for an hour, the undo for seven days', async () => {
  const mia = await server.signUpAs('mia@example.com')
  await changed(mia, 'mia@new.example')
  const undo = await mailed('mia@example.com', 'undo')
  await own(mia).requestChange.mutate({ email: 'mia@third.example' })
  const approval = await mailed('mia@new.example', 'approval')
  await advance(server.database.ownerUrl, 60 * 60 * 1000 + 1_000)
  await expect(refusal(stranger().approveChange.mutate({ token: approval }))).resolves.toMatchObject({ code: 'INVALID_TOKEN' })
  await advance(server.database.ownerUrl, 7 * 24 * 60 * 60 * 1000)
  await expect(refusal(stranger().undoChange.mutate({ token: undo }))).resolves.toMatchObject({ code: 'INVALID_TOKEN' })
  expect(await addressOf(mia)).toBe('mia@new.example')
})
