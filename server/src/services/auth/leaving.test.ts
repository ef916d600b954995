import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { night } from '../../../test/night.ts'
import { eventually } from '../../../test/outbox.ts'
import type { TestPerson } from '../../../test/people.ts'
import { atOnce } from '../../../test/race.ts'
import { refusal } from '../../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { joinTeam, newTeam, person } from '../../../test/teams.ts'

let server: TestServer
const day = 24 * 60 * 60 * 1000

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const signIn = (email: string, password: string) => openBrowser(server.url).mutate('auth.signIn', { email, password, delivery: 'TOKEN' })
const reactivation = (email: string) =>
  eventually(async () => (await server.mailsTo(email)).map(({ text }) => /#token=(pln_ra_[\w-]+)/.exec(text)?.[1]).find(Boolean))
const account = (who: TestPerson) => server.client(who.token).auth.account

/** Lets a person change their address, by both links. */
async function changeAddress(who: TestPerson, to: string): Promise<void> {
  const mailed = (email: string, kind: string) =>
    eventually(async () =>
      (await server.mailsTo(email)).map(({ text }) => new RegExp(`#token=(${kind}[\\w-]+)`).exec(text)?.[1]).find(Boolean),
    )
  const { email } = server.client(who.token).auth
  await email.requestChange.mutate({ email: to })
  await server.client().auth.email.approveChange.mutate({ token: await mailed(who.email, 'pln_ea_') })
  await expect(email.confirmChange.mutate({ token: await mailed(to, 'pln_ep_') })).resolves.toEqual({ status: 'CHANGED' })
}

/** Where in the whole database a text stands, as `schema.table`. */
async function traceOf(text: string): Promise<string[]> {
  const tables = await ask<{ name: string }>(`
    SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`)
  const found = await Promise.all(
    tables.map(async ({ name }) =>
      (await ask(`SELECT FROM ${name} AS row WHERE row::text ILIKE $1 LIMIT 1`, [`%${text}%`])).length > 0 ? name : null,
    ),
  )
  return found.filter((name) => name !== null)
}

test('T07 a deactivated account is gone at once: its session, its password and its address answer as those of nobody', async () => {
  const ada = await server.signUpAs('ada@example.com')
  await expect(account(ada).deactivate.mutate()).resolves.toMatchObject({ status: 'DEACTIVATED' })
  await expect(refusal(server.client(ada.token).auth.me.query())).resolves.toMatchObject({ code: 'UNAUTHORIZED' })
  const [gone, unknown] = [await signIn(ada.email, ada.password), await signIn('nobody@example.com', ada.password)]
  const withoutId = (text: string) => text.replace(/"requestId":"[^"]*"/, '')
  expect([gone.status, withoutId(gone.text)]).toEqual([unknown.status, withoutId(unknown.text)])

  const token = await reactivation(ada.email)
  await expect(server.client().auth.account.reactivate.mutate({ token })).resolves.toEqual({ status: 'REACTIVATED' })
  await expect(refusal(server.client(ada.token).auth.me.query())).resolves.toMatchObject({ code: 'UNAUTHORIZED' })
  expect((await signIn(ada.email, ada.password)).status).toBe(200)
  await expect(refusal(server.client().auth.account.reactivate.mutate({ token }))).resolves.toMatchObject({ code: 'INVALID_TOKEN' })
})

test('T07 whoever signs up with the address of a deactivated account is somebody else, and the old account does not come back over them', async () => {
  const bob = await server.signUpAs('bob@example.com')
  await account(bob).deactivate.mutate()
  const token = await reactivation(bob.email)
  await server.client().auth.signUp.mutate({ email: bob.email, name: 'New', password: 'nine lazy otters hum' })
  const verification = await eventually(async () => {
    const mails = (await server.mailsTo(bob.email)).filter(({ subject }) => subject === 'Confirm your email address')
    return mails.length === 2 && /#token=([\w-]+)/.exec(mails[0]?.text ?? '')?.[1]
  })
  await server.client().auth.verifyEmail.mutate({ token: verification })
  await expect(refusal(server.client().auth.account.reactivate.mutate({ token }))).resolves.toMatchObject({
    code: 'CONFLICT',
    details: { reason: 'NAME_TAKEN', field: 'email' },
  })
  const fresh = (await signIn(bob.email, 'nine lazy otters hum')).data as { me: { id: string } }
  expect(fresh.me.id).not.toBe(bob.me.id)
})

test('T03 of two owners of a team who leave ten times each at one moment, one goes and the other is refused', async () => {
  const [anna, ben] = [await person(server, 'Anna'), await person(server, 'Ben')]
  const team = await newTeam(anna)
  const lastOwner = {
    status: 409,
    message: 'A team would be left without an owner: make somebody else its owner first, or delete it.',
    data: { code: 'CONFLICT', details: { reason: 'LAST_OWNER' }, httpStatus: 409 },
  }
  const leave = (browser: Browser, { token }: typeof anna) =>
    browser.mutate('auth.account.deactivate', undefined, { authorization: `Bearer ${token}` })
  expect(toldBy(await leave(openBrowser(server.url), anna))).toEqual(lastOwner)
  await joinTeam(server, anna, ben, team, 'OWNER')
  const answers = await atOnce(server.url, 20, (browser, i) => leave(browser, i % 2 ? anna : ben))
  const gone = answers.findIndex(({ status }) => status === 200)
  const [stayed, left] = [answers.filter((_, i) => i % 2 !== gone % 2), answers.filter((_, i) => i % 2 === gone % 2 && i !== gone)]
  expect(stayed.map(toldBy)).toEqual(stayed.map(() => lastOwner))
  // Whoever is gone is told what anybody is told who is not signed in.
  const signedOut = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
  expect(left.map(toldBy)).toEqual(left.map(() => signedOut))
  const living = await ask<{ id: string }>(`SELECT id FROM auth.users WHERE id = ANY ($1) AND deleted_at IS NULL`, [
    [anna.userId, ben.userId],
  ])
  expect(living).toEqual([{ id: gone % 2 ? ben.userId : anna.userId }])
  expect(
    await ask(`SELECT user_id AS id FROM teams.members WHERE team_id = $1 AND role = 'OWNER' AND user_id = $2 AND deleted_at IS NULL`, [
      team.id,
      living[0]?.id,
    ]),
  ).toEqual(living)
})

test('T14 an export shows a person what is held of them and no secret, once, to nobody else', async () => {
  const [cat, dan] = [await server.signUpAs('cat@example.com'), await server.signUpAs('dan@example.com')]
  const { id: exportId } = await account(cat).dataExport.request.mutate()
  await eventually(async () => (await account(cat).dataExport.list.query({})).items[0]?.status === 'READY')
  await expect(refusal(account(dan).dataExport.download.mutate({ exportId }))).resolves.toMatchObject({ code: 'NOT_FOUND' })
  const [{ sealed } = { sealed: '' }] = await ask<{ sealed: string }>('SELECT sealed FROM auth.data_exports WHERE id = $1', [exportId])
  const readings = [sealed, ...sealed.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))]
  expect([sealed.length > 500, readings.some((text) => text.includes('cat@example.com'))]).toEqual([true, false])

  const answers = await Promise.allSettled(
    Array.from({ length: 20 }, () => server.client(cat.token).auth.account.dataExport.download.mutate({ exportId })),
  )
  const files = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  expect(files).toHaveLength(1)
  const content = JSON.parse(files[0]?.content ?? '')
  expect(content.auth.user).toMatchObject([{ email: 'cat@example.com', name: 'cat' }])
  expect(content.auth.session).toHaveLength(1)
  expect(content.auth.activity.length).toBeGreaterThan(2)
  expect(files[0]?.content).not.toMatch(/argon2|token_?hash|pln_|dan@/i)
  await eventually(async () => (await server.mailsTo(cat.email)).find(({ subject }) => subject === 'Your export is ready'))
  expect((await account(cat).dataExport.list.query({})).items[0]?.status).toBe('DOWNLOADED')
})

test('T14 an export that nobody downloads is gone after a day', async () => {
  const eve = await server.signUpAs('eve@example.com')
  const { id: exportId } = await account(eve).dataExport.request.mutate()
  await eventually(async () => (await account(eve).dataExport.list.query({})).items[0]?.status === 'READY')
  await advance(server.database.ownerUrl, day + 1_000)
  const { token } = await server.client(eve.token).auth.stepUp.password.mutate({ password: eve.password })
  await expect(refusal(account({ ...eve, token: token ?? '' }).dataExport.download.mutate({ exportId }))).resolves.toMatchObject({
    code: 'NOT_FOUND',
  })
})

test('T15 thirty days later nothing in the database tells who it was, and the address is free for somebody unrelated', async () => {
  const [fay, gil] = [
    await server.signUpAs('fay.unmistakable@example.com', { name: 'Fay Unmistakable' }),
    await server.signUpAs('gil@example.com'),
  ]
  // What others hold under an address that was hers until a moment ago is found as well.
  await changeAddress(fay, 'fay.also.unmistakable@example.com')
  // An address that she asked for and never proved is another person's: what is held of that person stays.
  await server.client(fay.token).auth.email.requestChange.mutate({ email: gil.email })
  const team = await server.client(gil.token).teams.create.mutate({ name: 'Team', slug: 'team-of-gil' })
  await server.client(gil.token).teams.invitation.create.mutate({ teamId: team.id, email: fay.email, role: 'MEMBER' })
  const contact = { name: 'Fay Unmistakable', email: fay.email, address: null, taxId: null }
  await server.client(gil.token).teams.billingContact.set.mutate({ teamId: team.id, ...contact })
  await account(fay).deactivate.mutate()
  const token = await reactivation('fay.also.unmistakable@example.com')
  await night()
  expect(await traceOf('unmistakable')).toEqual(
    expect.arrayContaining(['auth.users', 'auth.email_changes', 'teams.billing_contacts', 'teams.invitations']),
  )

  await advance(server.database.ownerUrl, 30 * day + 1_000)
  await Promise.all([night(), night()])
  // Idempotency keys have a day and a schedule of their own.
  expect((await traceOf('unmistakable')).filter((table) => table !== 'core.idempotency_keys')).toEqual([])
  expect(await ask('SELECT email, name, erased_at IS NOT NULL AS erased FROM auth.users WHERE id = $1', [fay.me.id])).toEqual([
    { email: '', name: '', erased: true },
  ])
  expect(await ask(`SELECT FROM core.activity WHERE event = 'auth.account.erased' AND user_id = $1`, [fay.me.id])).toHaveLength(1)
  expect(await ask('SELECT FROM auth.users WHERE email = $1', [gil.email])).toHaveLength(1)
  await expect(refusal(server.client().auth.account.reactivate.mutate({ token }))).resolves.toMatchObject({ code: 'INVALID_TOKEN' })
  await server.client().auth.signUp.mutate({ email: fay.email, name: 'Somebody else', password: 'nine lazy otters hum' })
  expect(await ask('SELECT id = $2 AS same FROM auth.users WHERE email = $1', [fay.email, fay.me.id])).toEqual([{ same: false }])
})
