/** Whose an address is at an erasure: what others hold under one that was the person's goes, and what is somebody else's stays. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { night } from '../../../test/night.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { newTeam, person } from '../../../test/teams.ts'

let server: TestServer
let owners = 0
const day = 24 * 60 * 60 * 1000
const password = 'nine lazy otters hum'

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const signUp = (email: string) => server.client().auth.signUp.mutate({ email, name: 'A stranger', password })

/** Has a team of somebody's send its invoices to an address. */
async function billTo(email: string): Promise<void> {
  const owner = await person(server, `Owner${(owners += 1)}`)
  const { id: teamId } = await newTeam(owner)
  await owner.client.teams.billingContact.set.mutate({ teamId, name: 'Whoever it is', email, address: null, taxId: null })
}

const billed = (email: string) => ask<{ name: string }>('SELECT name FROM teams.billing_contacts WHERE email = $1', [email])

test('T15 a sign-up that nobody proves is no new owner of an address: what is held under it goes with the person who had it, and the sign-up goes on', async () => {
  const fay = await server.signUpAs('fay@example.com')
  await billTo(fay.email)
  await server.client(fay.token).auth.account.deactivate.mutate()
  await advance(server.database.ownerUrl, 30 * day + 1_000)
  const links = async () => (await server.mailsTo(fay.email)).flatMap(({ text }) => /#token=(pln_v_[\w-]+)/.exec(text)?.[1] ?? [])
  const [older] = await links()
  await signUp(fay.email)
  const token = await eventually(async () => (await links()).find((link) => link !== older))
  await night()
  expect(await billed(fay.email)).toEqual([])
  await expect(server.client().auth.verifyEmail.mutate({ token })).resolves.toEqual({ status: 'VERIFIED' })
  expect(await ask('SELECT email, erased_at IS NOT NULL AS erased FROM auth.users WHERE id = $1', [fay.me.id])).toEqual([
    { email: '', erased: true },
  ])
})

test('T15 an address that another account has proven by now is no longer the leaver: what is held under it stays', async () => {
  const gil = await server.signUpAs('gil@example.com')
  await server.client(gil.token).auth.account.deactivate.mutate()
  await signUp(gil.email)
  const link = await eventually(async () =>
    (await server.mailsTo(gil.email)).filter(({ subject }) => subject === 'Confirm your email address').length === 2
      ? server.tokenMailedTo(gil.email, /pln_v_/)
      : undefined,
  )
  await server.client().auth.verifyEmail.mutate({ token: link })
  await billTo(gil.email)
  await advance(server.database.ownerUrl, 30 * day + 1_000)
  await night()
  expect(await billed(gil.email)).toEqual([{ name: 'Whoever it is' }])
  expect(await ask('SELECT erased_at IS NOT NULL AS erased FROM auth.users WHERE id = $1', [gil.me.id])).toEqual([{ erased: true }])
})
