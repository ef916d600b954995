/** What a link of a change of address is worth: for the address that it went to, and for the request that it was sent for. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import type { TestPerson } from '../../../test/people.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const noLink = {
  status: 400,
  message: 'This link is unknown, was used, or is too old.',
  data: { code: 'INVALID_TOKEN', httpStatus: 400 },
}
let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const kinds = { approval: 'pln_ea_', proof: 'pln_ep_' } as const

/** The newest link of a kind that an address was mailed; `but` is the one before it. */
const mailed = (email: string, kind: keyof typeof kinds, but?: string) =>
  eventually(async () => {
    const links = (await server.mailsTo(email)).map(({ text }) => new RegExp(`#token=(${kinds[kind]}[\\w-]+)`).exec(text)?.[1])
    return links.find((token) => token !== undefined && token !== but)
  })

const request = ({ token }: TestPerson, email: string) =>
  openBrowser(server.url, { authorization: `Bearer ${token}` }).mutate('auth.email.requestChange', { email })
const prove = ({ token: session }: TestPerson, token: string) =>
  openBrowser(server.url, { authorization: `Bearer ${session}` }).mutate('auth.email.confirmChange', { token })
const approve = (token: string) => openBrowser(server.url).mutate('auth.email.approveChange', { token })
const said = ({ status, data }: Answer) => [status, data]

const addressOf = async ({ me }: TestPerson) =>
  ask('SELECT email, email_verified_at IS NOT NULL AS proven FROM auth.users WHERE id = $1', [me.id])
/** What is asked for, and how far it has come. */
const openChangeOf = async ({ me }: TestPerson) =>
  ask(
    'SELECT to_email, approved_at, proven_at FROM auth.email_changes WHERE user_id = $1 AND completed_at IS NULL AND deleted_at IS NULL',
    [me.id],
  )

/** Where the links went that are still good. */
const openLinksOf = async ({ me }: TestPerson) =>
  (
    await ask<{ email: string }>(
      `SELECT email FROM auth.verification_tokens WHERE user_id = $1 AND purpose::text LIKE 'EMAIL_CHANGE_%' AND used_at IS NULL AND deleted_at IS NULL`,
      [me.id],
    )
  ).map(({ email }) => email)

/** Addresses that somebody may ask for next, and whose they are. */
const targets = {
  'nobody’s': async () => undefined,
  'an account’s': (email: string) => server.signUpAs(email),
  'a sign-up’s that nobody confirmed': (email: string) =>
    server.client().auth.signUp.mutate({ email, name: 'Somebody', password: 'nine lazy otters hum' }),
} as const

test.each(Object.entries(targets))(
  'R15 the links of a request end with the next one, where the address that it names is %s',
  async (whose, arrange) => {
    const mark = Object.keys(targets).indexOf(whose)
    const [ada, next] = [await server.signUpAs(`ada${mark}@example.com`), `next${mark}@example.com`]
    await arrange(next)
    expect(said(await request(ada, `ada${mark}@one.example`))).toEqual([200, { status: 'CHECK_EMAIL' }])
    const [approval, proof] = [await mailed(ada.email, 'approval'), await mailed(`ada${mark}@one.example`, 'proof')]
    expect(said(await request(ada, next))).toEqual([200, { status: 'CHECK_EMAIL' }])
    expect(await openLinksOf(ada)).not.toContain(`ada${mark}@one.example`)

    expect(toldBy(await prove(ada, proof))).toEqual(noLink)
    expect(toldBy(await approve(approval))).toEqual(noLink)
    expect(await openChangeOf(ada)).toEqual([{ to_email: next, approved_at: null, proven_at: null }])
    expect(await addressOf(ada)).toEqual([{ email: ada.email, proven: true }])

    expect(said(await approve(await mailed(ada.email, 'approval', approval)))).toEqual([200, { status: 'WAITS_FOR_NEW' }])
    expect(toldBy(await prove(ada, proof))).toEqual(noLink)
    expect(await addressOf(ada)).toEqual([{ email: ada.email, proven: true }])
  },
)

test('R12 R15 who asked for the address of an account does not have it when its owner leaves, and the owner comes back to it', async () => {
  const [thief, victim] = [await server.signUpAs('thief@example.com'), await server.signUpAs('victim@example.com')]
  await request(thief, 'thief@own.example')
  const [first, proof] = [await mailed(thief.email, 'approval'), await mailed('thief@own.example', 'proof')]
  await request(thief, victim.email)
  const approval = await mailed(thief.email, 'approval', first)
  expect(toldBy(await prove(thief, proof))).toEqual(noLink)
  await victim.client.auth.account.deactivate.mutate()

  expect(toldBy(await prove(thief, proof))).toEqual(noLink)
  expect(said(await approve(approval))).toEqual([200, { status: 'WAITS_FOR_NEW' }])
  expect(await addressOf(thief)).toEqual([{ email: thief.email, proven: true }])
  const back = await server.tokenMailedTo(victim.email, /pln_ra_/)
  expect(said(await openBrowser(server.url).mutate('auth.account.reactivate', { token: back }))).toEqual([200, { status: 'REACTIVATED' }])
  expect(await addressOf(victim)).toEqual([{ email: victim.email, proven: true }])
})

test('R15 a link is worth something for the address that it went to alone', async () => {
  const eve = await server.signUpAs('eve@example.com')
  await request(eve, 'eve@new.example')
  const links = { APPROVAL: await mailed(eve.email, 'approval'), PROOF: await mailed('eve@new.example', 'proof') }
  // As if a request left the links of another one good.
  await ask(`UPDATE auth.verification_tokens SET email = 'other@example.com' WHERE user_id = $1 AND purpose::text LIKE 'EMAIL_CHANGE_%'`, [
    eve.me.id,
  ])
  expect(toldBy(await approve(links.APPROVAL))).toEqual(noLink)
  expect(toldBy(await prove(eve, links.PROOF))).toEqual(noLink)
  expect(await openChangeOf(eve)).toEqual([{ to_email: 'eve@new.example', approved_at: null, proven_at: null }])
  expect(await addressOf(eve)).toEqual([{ email: eve.email, proven: true }])
})
