/** What becomes of a sign-up that nobody confirms: anybody can make one, with anybody's address. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { log } from '#lib/log.ts'
import { openBrowser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { hold } from '../../../test/held.ts'
import { night } from '../../../test/night.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { newTeam, person } from '../../../test/teams.ts'

let server: TestServer
const day = 24 * 60 * 60 * 1000
const password = 'nine lazy otters hum'

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const signUp = (email: string, name = 'A stranger') => openBrowser(server.url).mutate('auth.signUp', { email, name, password })
const idOf = async (email: string) => (await ask<{ id: string }>('SELECT id FROM auth.users WHERE email = $1', [email]))[0]?.id ?? ''
const profiles = async (id: string) => (await ask('SELECT FROM profile.profiles WHERE user_id = $1', [id])).length

/** What is left of an account. */
const left = async (id: string) =>
  (await ask('SELECT email, name, deleted_at IS NOT NULL AS gone, erased_at IS NOT NULL AS erased FROM auth.users WHERE id = $1', [id]))[0]

const tombstone = { email: '', name: '', gone: true, erased: true }

test('a sign-up that nobody confirms is kept for 30 days, and then erased everywhere and counted; what others hold under its address stays', async () => {
  const owner = await person(server, 'Owner')
  const { id: teamId } = await newTeam(owner)
  const email = 'never@example.com'
  await owner.client.teams.billingContact.set.mutate({ teamId, name: 'Never', email, address: null, taxId: null })
  await signUp(email, 'Never')
  const id = await idOf(email)
  await eventually(async () => (await profiles(id)) === 1)
  await advance(server.database.ownerUrl, 30 * day - 60_000)
  await night()
  expect(await left(id)).toEqual({ email, name: 'Never', gone: false, erased: false })
  const reported = vi.spyOn(log, 'info')
  await advance(server.database.ownerUrl, 120_000)
  await night()
  expect(reported).toHaveBeenCalledWith({ removed: { unprovenAccounts: 1 } }, expect.any(String))
  reported.mockRestore()
  expect([await left(id), await profiles(id)]).toEqual([tombstone, 0])
  expect(await ask(`SELECT event, actor_id FROM core.activity WHERE user_id = $1 AND event = 'auth.account.erased'`, [id])).toEqual([
    { event: 'auth.account.erased', actor_id: 'auth.erasure' },
  ])
  expect(await ask('SELECT name FROM teams.billing_contacts WHERE email = $1', [email])).toEqual([{ name: 'Never' }])
  expect((await left(owner.userId))?.erased).toBe(false)
})

test('one that somebody signed up with again lately stays, and its link proves it; so does one that an administrator disabled', async () => {
  await signUp('again@example.com')
  await signUp('closed@example.com')
  const [again, closed] = [await idOf('again@example.com'), await idOf('closed@example.com')]
  await ask('UPDATE auth.users SET disabled_at = now() WHERE id = $1', [closed])
  await advance(server.database.ownerUrl, 40 * day)
  const known = new Set((await server.mailsTo('again@example.com')).map(({ messageId }) => messageId))
  await signUp('again@example.com')
  const mail = await eventually(async () => (await server.mailsTo('again@example.com')).find(({ messageId }) => !known.has(messageId)))
  await night()
  expect([(await left(again))?.gone, (await left(closed))?.gone]).toEqual([false, false])
  const token = /#token=([\w-]+)/.exec(mail.text)?.[1]
  const proven = await openBrowser(server.url).mutate('auth.verifyEmail', { token })
  expect([proven.status, proven.data]).toEqual([200, { status: 'VERIFIED' }])
  await advance(server.database.ownerUrl, 40 * day)
  await night()
  expect((await left(again))?.gone).toBe(false)
})

test('one that made way for the owner of its address is erased the next night, and the owner keeps what is held under it', async () => {
  const bob = await person(server, 'Bob')
  await signUp('bob@new.example', 'Made way')
  const id = await idOf('bob@new.example')
  await eventually(async () => (await profiles(id)) === 1)
  await changeAddress(bob, 'bob@new.example')
  const { id: teamId } = await newTeam(bob)
  await bob.client.teams.billingContact.set.mutate({ teamId, name: 'Bob', email: 'bob@new.example', address: null, taxId: null })
  expect(await left(id)).toEqual({ email: 'bob@new.example', name: 'Made way', gone: true, erased: false })
  await night()
  expect([await left(id), await profiles(id)]).toEqual([tombstone, 0])
  expect(await ask('SELECT name FROM teams.billing_contacts WHERE email = $1', ['bob@new.example'])).toEqual([{ name: 'Bob' }])
  expect(await left(bob.userId)).toMatchObject({ email: 'bob@new.example', gone: false })
})

test('a sign-up that comes while the account of its address is ended makes an account of its own', async () => {
  const email = 'meanwhile@example.com'
  await signUp(email)
  const ended = await idOf(email)
  await using held = await hold(
    server.database.ownerUrl,
    'UPDATE auth.users SET deleted_at = core.clock(), erase_after = core.clock() WHERE id = $1',
    [ended],
  )
  const answer = signUp(email)
  await held.waiting(1)
  await held.release()
  expect([(await answer).status, (await answer).data]).toEqual([200, { status: 'CHECK_EMAIL' }])
  expect(await ask('SELECT id <> $2 AS fresh FROM auth.users WHERE email = $1 AND deleted_at IS NULL', [email, ended])).toEqual([
    { fresh: true },
  ])
})

async function changeAddress(who: Awaited<ReturnType<typeof person>>, to: string): Promise<void> {
  const mailed = (email: string, kind: string) =>
    eventually(async () =>
      (await server.mailsTo(email)).map(({ text }) => new RegExp(`#token=(${kind}[\\w-]+)`).exec(text)?.[1]).find(Boolean),
    )
  await who.client.auth.email.requestChange.mutate({ email: to })
  await server.client().auth.email.approveChange.mutate({ token: await mailed(who.email, 'pln_ea_') })
  await who.client.auth.email.confirmChange.mutate({ token: await mailed(to, 'pln_ep_') })
}
