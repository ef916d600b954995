import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { createClient, type RouterInputs } from '@plinth/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { joinApplication, newApplication, type Application } from '../../../test/applications.ts'
import { openBrowser, toldBy } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { openGate } from '../../../test/gate.ts'
import { eventually } from '../../../test/outbox.ts'
import { atOnce } from '../../../test/race.ts'
import { refusal } from '../../../test/refusal.ts'
import { startSecondProcess, type SecondProcess } from '../../../test/second-process.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { joinTeam, newTeam, person, type Somebody } from '../../../test/teams.ts'
import { appRouter } from '../../router.ts'
import { pathsOpenToKeys } from '../../trpc/key-scopes.ts'
import { definitionOf } from '../../trpc/seal.ts'

let server: TestServer
let second: SecondProcess
let anna: Somebody
let ben: Somebody

beforeAll(async () => {
  server = await startTestServer()
  second = await startSecondProcess(server)
  ;[anna, ben] = [await person(server, 'Anna'), await person(server, 'Ben')]
})
afterAll(async () => {
  await second[Symbol.asyncDispose]()
  await server.stop()
})

type Create = RouterInputs['auth']['apiKey']['create']
const day = 86_400_000

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const newKey = (who: Somebody, input: Partial<Create> = {}) =>
  who.client.auth.apiKey.create.mutate({ name: 'tool', scopes: ['auth.me', 'teams.*'], ...input })
const raw = (token: string, url = server.url) => openBrowser(url, { authorization: `Bearer ${token}` })
const meBy = async (token: string, url?: string) => (await raw(token, url).query('auth.me')).status
const signInFirst = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
const noSuchApplication = { status: 404, message: 'There is no such application.', data: { code: 'NOT_FOUND', httpStatus: 404 } }
/** What a key gets here and in the other process. */
const both = async (key: string) => [await meBy(key), await meBy(key, second.url)]

describe('a key', () => {
  test('acts as its owner through the ordinary client, and the activity says that a key did', async () => {
    const made = await newKey(anna)
    expect(made).toMatchObject({ name: 'tool', scopes: ['auth.me', 'teams.*'], applicationId: null, lastUsedAt: null })
    const tool = createClient({ url: server.url, token: made.key })
    expect((await tool.auth.me.query()).id).toBe(anna.userId)
    const team = await tool.teams.create.mutate({ name: 'By a key', slug: 'by-a-key' })
    await anna.client.teams.invitation.create.mutate({ teamId: team.id, email: 'x@example.com', role: 'VIEWER' })
    const { items } = await anna.client.teams.activity.list.query({ teamId: team.id })
    expect(items.map(({ event, actorId, apiKeyId }) => [event, actorId, apiKeyId]).toReversed()).toEqual([
      ['teams.team.created', anna.userId, made.id],
      ['teams.invitation.created', anna.userId, null],
    ])
  })

  test('never does more than its owner may at the moment', async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'ADMIN')
    const tool = createClient({ url: server.url, token: (await newKey(ben)).key })
    const invite = () => tool.teams.invitation.create.mutate({ teamId: team.id, email: 'x@example.com', role: 'VIEWER' })
    expect(await invite()).toMatchObject({ invitedById: ben.userId })
    await anna.client.teams.member.changeRole.mutate({ teamId: team.id, userId: ben.userId, role: 'VIEWER' })
    expect(await refusal(invite())).toMatchObject({ code: 'FORBIDDEN' })
    const other = await newTeam(anna)
    expect(await refusal(tool.teams.get.query({ teamId: other.id }))).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('calls what its scopes name and nothing else', async () => {
    const { key } = await newKey(anna, { scopes: ['teams.list', 'teams.member.*'] })
    const answer = async (path: string, input: unknown) => (await raw(key).query(path, input)).status
    const { id: teamId } = await newTeam(anna)
    expect([await answer('teams.list', {}), await answer('teams.member.list', { teamId })]).toEqual([200, 200])
    expect([await answer('teams.get', { teamId }), await answer('auth.me', undefined)]).toEqual([403, 403])
    const batch = await fetch(`${server.url}/trpc/teams.list,auth.me?batch=1&input=${encodeURIComponent('{"0":{"json":{}}}')}`, {
      headers: { authorization: `Bearer ${key}` },
    })
    expect(((await batch.json()) as { error?: unknown }[]).map((each) => 'error' in each)).toEqual([false, true])
  })

  test('calls nothing that is closed to keys, with every scope that there is, and is made for none of it', async () => {
    const open = pathsOpenToKeys(appRouter)
    const services = [...new Set([...open].map((path) => `${path.split('.')[0]}.*`))]
    const { key } = await newKey(anna, { scopes: services })
    const closed = Object.entries<AnyTRPCProcedure>((appRouter as AnyTRPCRouter)._def.procedures).filter(([path]) => !open.has(path))
    expect(closed.length).toBeGreaterThan(15)
    for (const [path, procedure] of closed) {
      const { type } = definitionOf(procedure)
      const { status, error } = await raw(key)[type === 'query' ? 'query' : 'mutate'](path)
      expect([path, status, error?.message]).toEqual([path, 403, 'This API key may not call this procedure.'])
      const made = await raw(anna.token).mutate('auth.apiKey.create', { name: 'x', scopes: [path] })
      expect([path, made.status, Object.keys((made.error?.data.details as { fields: object } | undefined)?.fields ?? {})]).toEqual([
        path,
        400,
        ['scopes.0'],
      ])
    }
    expect(await meBy(anna.token)).toBe(200)
  })

  test('A17 A18 is made by those whose address is proven, of fields that are theirs to set and of scopes that there are', async () => {
    const create = (input: object) => raw(anna.token).mutate('auth.apiKey.create', { name: 'x', scopes: ['teams.list'], ...input })
    for (const field of ['userId', 'key', 'keyHash', 'id', 'expiresAt', 'lastUsedAt', 'membershipId', 'role', 'createdAt']) {
      const { status, error } = await create({ [field]: ben.userId })
      expect([status, error?.data.details]).toEqual([400, { fields: { [field]: ['is not known'] } }])
    }
    for (const scope of [
      '*',
      'team.*',
      'teams',
      'teams.',
      'teams.*.list',
      'teams.nothing',
      '.*',
      'teams.list ',
      'auth.apiKey.*',
      'admin.*',
      '__proto__.*',
    ])
      expect([scope, (await create({ scopes: [scope] })).status]).toEqual([scope, 400])
    for (const wrong of [{ scopes: [] }, { expiresInDays: 366 }, { expiresInDays: 0 }]) expect((await create(wrong)).status).toBe(400)
    await ask('UPDATE auth.users SET email_verified_at = NULL WHERE id = $1', [ben.userId])
    await ask(`SELECT pg_notify('plinth_revoked', 'u:' || $1)`, [ben.userId])
    await eventually(async () => (await raw(ben.token).mutate('auth.apiKey.create', { name: 'x', scopes: ['teams.list'] })).status === 403)
    const refused = await raw(ben.token).mutate('auth.apiKey.create', { name: 'x', scopes: ['teams.list'] })
    expect(refused.error?.data.code).toBe('EMAIL_NOT_VERIFIED')
    await ask('UPDATE auth.users SET email_verified_at = now() WHERE id = $1', [ben.userId])
    await ask(`SELECT pg_notify('plinth_revoked', 'u:' || $1)`, [ben.userId])
  })

  test('S10 is nowhere in the database but as a hash, and is not told twice', async () => {
    const create = () =>
      anna.client.auth.apiKey.create.mutate(
        { name: 'once', scopes: ['teams.list'] },
        { context: { idempotencyKey: 'one-key-for-two-calls' } },
      )
    const { key, id } = await create()
    expect(await refusal(create())).toMatchObject({ code: 'ALREADY_DONE' })
    const { items } = await anna.client.auth.apiKey.list.query({ limit: 100 })
    expect(items.filter(({ name }) => name === 'once')).toEqual([expect.objectContaining({ id })])
    expect(JSON.stringify(items)).not.toContain(key.slice(6, 40))
    const tables = await ask<{ name: string }>(
      `SELECT table_schema || '.' || table_name AS name FROM information_schema.tables WHERE table_schema IN ('auth', 'core', 'teams')`,
    )
    for (const { name } of tables) {
      expect([name, await ask(`SELECT FROM ${name} AS row WHERE row::text LIKE $1`, [`%${key.slice(6, 40)}%`])]).toEqual([name, []])
    }
  })

  test('S11 is worth nothing as a cookie, a cookie is worth nothing as a token, and both at once are refused', async () => {
    const { key } = await newKey(anna)
    const browser = openBrowser(server.url)
    await browser.mutate('auth.signIn', { email: anna.email, password: 'correct horse battery staple', delivery: 'COOKIE' })
    const [[name, cookie] = ['', '']] = [...browser.cookies].filter(([each]) => each.includes('session'))
    expect(await meBy(key)).toBe(200)
    const by = async (headers: Record<string, string>) => {
      const { status, error } = await openBrowser(server.url, headers).query('auth.me')
      return [status, error?.data.code]
    }
    expect(await by({ cookie: `${name}=${key}` })).toEqual([401, 'UNAUTHORIZED'])
    expect(await by({ authorization: `Bearer ${cookie}` })).toEqual([401, 'UNAUTHORIZED'])
    expect(await by({ authorization: `Bearer ${key}`, cookie: `${name}=${cookie}` })).toEqual([400, 'BAD_REQUEST'])
    expect(await by({ authorization: `Bearer pln_t_${key.slice(6)}` })).toEqual([401, 'UNAUTHORIZED'])
    expect(await by({ authorization: `Bearer ${key}A` })).toEqual([401, 'UNAUTHORIZED'])
    expect(await by({ cookie: `${name}=${cookie}` })).toEqual([200, undefined])
  })

  test('T01 that is another’s is unknown, and stays', async () => {
    const theirs = await newKey(anna)
    const revoke = async (apiKeyId: string) => toldBy(await raw(ben.token).mutate('auth.apiKey.revoke', { apiKeyId }))
    const answer = await revoke(theirs.id)
    expect(answer).toEqual({ status: 404, message: 'There is no such key.', data: { code: 'NOT_FOUND', httpStatus: 404 } })
    expect(await revoke('01991f0e-7b1c-7000-8000-000000000000')).toEqual(answer)
    expect(await ask('SELECT revoked_at FROM auth.api_keys WHERE id = $1', [theirs.id])).toEqual([{ revoked_at: null }])
    expect(await meBy(theirs.key)).toBe(200)
    expect((await ben.client.auth.apiKey.list.query({ limit: 100 })).items.map(({ id }) => id)).not.toContain(theirs.id)
  })

  test('of a person there are at most fifty, however many are asked for at once', async () => {
    const cleo = await person(server, 'Cleo')
    const create = () => cleo.alone().auth.apiKey.create.mutate({ name: 'x', scopes: ['teams.list'] })
    for (let i = 0; i < 40; i += 10) await Promise.all(Array.from({ length: 10 }, create))
    const last = await Promise.allSettled(Array.from({ length: 20 }, create))
    expect(last.filter(({ status }) => status === 'fulfilled')).toHaveLength(10)
    expect(await refusal(create())).toMatchObject({ code: 'CONFLICT', details: { reason: 'TOO_MANY' } })
  })
})

describe('a key is dead', () => {
  test('when it is revoked, here at once and in another process within 250 ms: of 20 calls beside it none fails otherwise', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { key, id } = await newKey(anna)
      expect(await both(key)).toEqual([200, 200])
      const gate = openGate(21)
      const at = (token: string, url: string) => openBrowser(url, { authorization: `Bearer ${token}` }, gate)
      const calls = Array.from({ length: 20 }, (_, i) => at(key, i % 2 ? second.url : server.url).query('auth.me'))
      const [revoked, ...answers] = await Promise.all([at(anna.token, server.url).mutate('auth.apiKey.revoke', { apiKeyId: id }), ...calls])
      expect([revoked.status, (revoked.data as { id: string }).id]).toEqual([200, id])
      const refused = answers.filter(({ status }) => status !== 200).map(toldBy)
      expect(refused).toEqual(refused.map(() => signInFirst))
      expect(await meBy(key)).toBe(401)
      await new Promise((resolve) => setTimeout(resolve, 250))
      expect(await meBy(key, second.url)).toBe(401)
    }
  })

  test('S07 T07 when its owner is disabled, and when the account is deleted: then also after it is restored', async () => {
    const dora = await person(server, 'Dora')
    const { key } = await newKey(dora)
    const dies = async (change: string) => {
      expect(await both(key)).toEqual([200, 200])
      await ask(`UPDATE auth.users SET ${change} WHERE id = $1`, [dora.userId])
      await new Promise((resolve) => setTimeout(resolve, 250))
      expect(await both(key)).toEqual([401, 401])
    }
    await dies('disabled_at = now()')
    await ask('UPDATE auth.users SET disabled_at = NULL WHERE id = $1', [dora.userId])
    await dies(`deleted_at = now(), deletion_id = '01991f0e-7b1c-7000-8000-000000000001'`)
    await ask('UPDATE auth.users SET deleted_at = NULL, deletion_id = NULL WHERE id = $1', [dora.userId])
    expect(await ask('SELECT deleted_at FROM auth.api_keys WHERE user_id = $1', [dora.userId])).toEqual([{ deleted_at: null }])
    expect(await both(key)).toEqual([401, 401])
  })

  test('T05 when the membership it was made for ends or is not active, and when its application is deleted: also after that is restored', async () => {
    const application = await newApplication(anna)
    const applicationId = application.id
    const forIt = (who: Somebody) => newKey(who, { applicationId })
    expect(await refusal(forIt(ben))).toMatchObject({ code: 'NOT_FOUND', message: 'There is no such application.' })
    const joined = await joinApplication(server, { inviter: anna, invited: ben, application, role: 'USER' })
    const [made, ordinary] = [await forIt(ben), await newKey(ben)]
    expect(made).toMatchObject({ applicationId })
    const statuses = async () => [...(await both(made.key)), await meBy(ordinary.key)]
    const setActive = (active: boolean, version: number) =>
      anna.client.auth.membership.update.mutate({ applicationId, membershipId: joined.id, version, active })
    expect(await statuses()).toEqual([200, 200, 200])
    await setActive(false, 1)
    expect(await statuses()).toEqual([401, 401, 200])
    await setActive(true, 2)
    expect(await statuses()).toEqual([200, 200, 200])
    await anna.client.auth.application.update.mutate({ applicationId, version: 1, active: false })
    expect(await statuses()).toEqual([401, 401, 200])
    await anna.client.auth.application.update.mutate({ applicationId, version: 2, active: true })
    expect(await statuses()).toEqual([200, 200, 200])
    await anna.client.auth.application.delete.mutate({ applicationId })
    expect(await statuses()).toEqual([401, 401, 200])
    await anna.client.auth.application.restore.mutate({ applicationId })
    expect(await statuses()).toEqual([401, 401, 200])

    const next = await forIt(ben)
    expect(await both(next.key)).toEqual([200, 200])
    await anna.client.auth.membership.remove.mutate({ applicationId, membershipId: joined.id })
    expect(await both(next.key)).toEqual([401, 401])
  })

  test('T05 when it was made while its membership ended: of 20 at once none outlives it', async () => {
    const application: Application = await newApplication(anna)
    const joined = await joinApplication(server, { inviter: anna, invited: ben, application, role: 'USER' })
    const ids = { applicationId: application.id, membershipId: joined.id }
    const answers = await atOnce(server.url, 21, (browser, i) => {
      if (i === 10) return browser.mutate('auth.membership.remove', ids, { authorization: `Bearer ${anna.token}` })
      const input = { name: 'x', scopes: ['auth.me'], applicationId: application.id }
      return browser.mutate('auth.apiKey.create', input, { authorization: `Bearer ${ben.token}` })
    })
    const [removed] = answers.splice(10, 1)
    expect(removed?.status).toBe(200)
    const keys = answers.flatMap(({ data }) => (data as { key: string } | undefined)?.key ?? [])
    const refused = answers.filter(({ status }) => status !== 200).map(toldBy)
    expect(refused).toEqual(refused.map(() => noSuchApplication))
    for (const key of keys) expect(await meBy(key)).toBe(401)
  })

  test('when it has expired by the database’s clock; its use is written once a minute, whoever uses it', async () => {
    const { key, id } = await newKey(anna, { expiresInDays: 2 })
    const used = async () => {
      const [row] = await ask<{ last_used_at: Date | null }>('SELECT last_used_at FROM auth.api_keys WHERE id = $1', [id])
      return row?.last_used_at?.getTime() ?? 0
    }
    expect(await used()).toBe(0)
    await Promise.all(Array.from({ length: 20 }, () => both(key)))
    const first = await eventually(async () => (await used()) || undefined)
    await both(key)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await used()).toBe(first)
    await advance(server.database.ownerUrl, 61_000)
    expect(await meBy(key)).toBe(200)
    expect(await eventually(async () => (await used()) > first)).toBe(true)
    const listed = (await anna.client.auth.apiKey.list.query({ limit: 100 })).items.find((each) => each.id === id)
    expect(listed?.lastUsedAt?.getTime()).toBe(await used())
    await advance(server.database.ownerUrl, 2 * day)
    expect(await meBy(key)).toBe(401)
    expect((await anna.client.auth.apiKey.list.query({ limit: 100 })).items.map((each) => each.id)).not.toContain(id)
  })
})
