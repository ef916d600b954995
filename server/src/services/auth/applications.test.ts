import { isAppError, type RouterInputs } from '@plinth/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { joinApplication, newApplication, ownMembership } from '../../../test/applications.ts'
import { openBrowser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { refusal } from '../../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { person, type Somebody } from '../../../test/teams.ts'
import { applicationWithSecret } from './application-secrets.ts'

let server: TestServer
let anna: Somebody
let ben: Somebody

beforeAll(async () => {
  server = await startTestServer()
  ;[anna, ben] = [await person(server, 'Anna'), await person(server, 'Ben')]
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const api = (who: Somebody) => who.client.auth
const raw = (who: Somebody) => openBrowser(server.url, { authorization: `Bearer ${who.token}` })
const day = 86_400_000

type Create = RouterInputs['auth']['application']['create']

describe('an application', () => {
  test('is registered by anybody with a proven address, who owns it, and is read, listed and changed by them', async () => {
    const redirectUris = ['https://shop.example.com/callback', 'https://shop.example.com:8443/cb?tenant=1']
    const input = {
      type: 'WEB',
      name: ' Shop ',
      homePage: 'https://shop.example.com/',
      redirectUris,
      allowedOrigins: ['https://shop.example.com'],
    } as const
    const made = await api(anna).application.create.mutate({ ...input, redirectUris, allowedOrigins: [...input.allowedOrigins] })
    expect(made).toMatchObject({ ...input, name: 'Shop', builtIn: null, active: true, version: 1, role: 'OWNER' })
    expect(made.id).not.toBe(made.clientId)
    expect(await api(anna).application.get.query({ applicationId: made.id })).toEqual(made)
    const changed = await api(anna).application.update.mutate({ applicationId: made.id, version: 1, name: 'Store', homePage: null })
    expect(changed).toEqual({ ...made, name: 'Store', homePage: null, version: 2 })
    expect((await api(anna).application.list.query({ limit: 100 })).items).toContainEqual(changed)
    expect((await api(ben).application.list.query({})).items).toEqual([])
  })

  test('is not changed from a version that is gone, and of 20 changes at once from one version one is made', async () => {
    const { id: applicationId } = await newApplication(anna)
    const rename = (name: string) => anna.alone().auth.application.update.mutate({ applicationId, version: 1, name })
    const answers = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => rename(`Name ${i}`)))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const reasons = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
    expect(reasons.every((error) => isAppError(error, 'CONFLICT') && error.data.details.reason === 'STALE_VERSION')).toBe(true)
    expect(await api(anna).application.get.query({ applicationId })).toMatchObject({ version: 2 })
  })

  test('of a person there are at most fifty, however many are asked for at once', async () => {
    const cleo = await person(server, 'Cleo')
    const create = () => cleo.alone().auth.application.create.mutate({ type: 'SPA', name: 'Another' })
    for (let i = 0; i < 40; i += 10) await Promise.all(Array.from({ length: 10 }, create))
    const last = await Promise.allSettled(Array.from({ length: 20 }, create))
    expect(last.filter(({ status }) => status === 'fulfilled')).toHaveLength(10)
    expect(await refusal(create())).toMatchObject({ code: 'CONFLICT', details: { reason: 'TOO_MANY' } })
  })

  test('A18 takes no field that is not the caller’s to set, at creation and at change, and nothing changes', async () => {
    const before = await newApplication(anna)
    for (const field of ['id', 'clientId', 'builtIn', 'role', 'version_', 'createdAt', 'deletedAt', 'ownerId', 'memberships', 'secrets']) {
      const created = await raw(anna).mutate('auth.application.create', { type: 'WEB', name: 'X', [field]: 'audits' })
      expect([created.status, created.error?.data.details]).toEqual([400, { fields: { [field]: ['is not known'] } }])
      const changed = await raw(anna).mutate('auth.application.update', {
        applicationId: before.id,
        version: 1,
        name: 'X',
        [field]: 'audits',
      })
      expect([changed.status, changed.error?.data.details]).toEqual([400, { fields: { [field]: ['is not known'] } }])
    }
    const typed = await raw(anna).mutate('auth.application.update', { applicationId: before.id, version: 1, type: 'MACHINE' })
    expect(typed.error?.data.details).toEqual({ fields: { type: ['is not known'] } })
    expect(await api(anna).application.get.query({ applicationId: before.id })).toEqual(before)
  })

  test('A17 is not for those whose address is not proven', async () => {
    await ask('UPDATE auth.users SET email_verified_at = NULL WHERE id = $1', [ben.userId])
    await ask(`SELECT pg_notify('plinth_revoked', 'u:' || $1)`, [ben.userId])
    await new Promise((resolve) => setTimeout(resolve, 250))
    for (const path of ['auth.application.create', 'auth.applicationInvitation.accept']) {
      const answer = await raw(ben).mutate(path, path.endsWith('accept') ? { token: 'pln_ai_x' } : { type: 'WEB', name: 'X' })
      expect([path, answer.status, answer.error?.data.code]).toEqual([path, 403, 'EMAIL_NOT_VERIFIED'])
    }
    await ask('UPDATE auth.users SET email_verified_at = now() WHERE id = $1', [ben.userId])
    await ask(`SELECT pg_notify('plinth_revoked', 'u:' || $1)`, [ben.userId])
  })
})

describe('its addresses', () => {
  const good: Record<string, Create[]> = {
    WEB: [{ type: 'WEB', name: 'X', redirectUris: ['https://a.example/', 'https://a.example/cb', 'https://xn--bcher-kva.example/'] }],
    SPA: [{ type: 'SPA', name: 'X', redirectUris: ['https://a.example:444/cb'], allowedOrigins: ['https://a.example:444'] }],
    NATIVE: [{ type: 'NATIVE', name: 'X', redirectUris: ['http://127.0.0.1/cb', 'http://[::1]:8080/cb', 'https://a.example/app'] }],
    MACHINE: [{ type: 'MACHINE', name: 'X' }],
  }
  test.each(Object.entries(good))('%s has those that its type may', async (_, inputs) => {
    for (const input of inputs) expect(await api(anna).application.create.mutate(input)).toMatchObject({ type: input.type })
  })

  const bad: [string, Create['type'], RegExp][] = [
    ['http://a.example/cb', 'WEB', /not https/],
    ['http://localhost:3000/cb', 'NATIVE', /127\.0\.0\.1/],
    ['http://127.0.0.1/cb', 'WEB', /not https/],
    ['http://127.0.0.1.evil.example/cb', 'NATIVE', /127\.0\.0\.1/],
    ['http://2130706433/cb', 'NATIVE', /normal form/],
    ['https://a.example/cb#x', 'WEB', /fragment/],
    ['https://a.example/cb#', 'WEB', /fragment/],
    ['https://user@a.example/cb', 'WEB', /user name/],
    ['https://user:pass@a.example/cb', 'WEB', /user name/],
    ['https://@a.example/cb', 'WEB', /user name/],
    ['https://*.example/cb', 'WEB', /wildcard/],
    ['https://a.example/*', 'WEB', /wildcard/],
    ['https://a.example/x/../evil', 'WEB', /normal form/],
    ['https://a.example/x/%2e%2e/evil', 'WEB', /more than one way/],
    ['https://a.example/x%2f..', 'WEB', /more than one way/],
    ['https://A.example/cb', 'WEB', /normal form/],
    ['HTTPS://a.example/cb', 'WEB', /normal form/],
    ['https://a.example:443/cb', 'WEB', /normal form/],
    ['https://a.example', 'WEB', /normal form/],
    ['https://a.example\\@evil.example/', 'WEB', /user name/],
    ['https://a.example./cb', 'WEB', /more than one way/],
    ['https://bücher.example/', 'WEB', /normal form/],
    [' https://a.example/', 'WEB', /normal form/],
    ['https://a.example/\ncb', 'WEB', /normal form/],
    ['javascript:alert(1)', 'WEB', /not https/],
    ['data:text/html,x', 'NATIVE', /127\.0\.0\.1|not https/],
    ['com.example.app:/cb', 'NATIVE', /not https/],
    ['//a.example/cb', 'WEB', /no address/],
    ['', 'WEB', /empty/],
    ['https://a.example/cb', 'MACHINE', /no use/],
  ]
  test.each(bad)('P01 redirect URI %j of a %s application is refused at its field', async (uri, type, fault) => {
    const ours = type === 'MACHINE' ? [] : ['https://a.example/good']
    const answer = await raw(anna).mutate('auth.application.create', { type, name: 'X', redirectUris: [...ours, uri] })
    const details = answer.error?.data.details as { fields: Record<string, string[]> }
    expect([answer.status, Object.keys(details.fields)]).toEqual([400, [`redirectUris.${ours.length}`]])
    expect(details.fields[`redirectUris.${ours.length}`]?.[0]).toMatch(fault)
  })

  test('origins are origins and nothing more, home pages are https, none is there twice', async () => {
    const faults = async (input: object) => {
      const answer = await raw(anna).mutate('auth.application.create', { type: 'SPA', name: 'X', ...input })
      return [answer.status, ...Object.keys((answer.error?.data.details as { fields: object } | undefined)?.fields ?? {})]
    }
    for (const origin of [
      'https://a.example/',
      'https://a.example/x',
      'http://a.example',
      'null',
      '*',
      'https://A.example',
      'https://a.example:443',
    ])
      expect([origin, ...(await faults({ allowedOrigins: [origin] }))]).toEqual([origin, 400, 'allowedOrigins.0'])
    expect(await faults({ homePage: 'http://a.example/' })).toEqual([400, 'homePage'])
    expect(await faults({ redirectUris: ['https://a.example/', 'https://a.example/'] })).toEqual([400, 'redirectUris.1'])
    expect(await faults({ redirectUris: Array.from({ length: 21 }, (_, i) => `https://a.example/${i}`) })).toEqual([400, 'redirectUris'])
  })

  test('a change is held to the same rules, of the type that the application has', async () => {
    const { id: applicationId } = await newApplication(anna, 'MACHINE')
    const change = api(anna).application.update.mutate({ applicationId, version: 1, redirectUris: ['https://a.example/'] })
    expect(await refusal(change)).toMatchObject({ code: 'BAD_REQUEST', details: { fields: { 'redirectUris.0': expect.any(Array) } } })
  })
})

describe('its secrets', () => {
  test('are worth nothing for another application, for one that is not active, and for one that is deleted', async () => {
    const [mine, other] = [await newApplication(anna), await newApplication(anna)]
    const { secret } = await api(anna).applicationSecret.create.mutate({ applicationId: mine.id, name: 'x' })
    expect(await applicationWithSecret(other.clientId, secret)).toBeNull()
    await api(anna).application.update.mutate({ applicationId: mine.id, version: 1, active: false })
    expect(await applicationWithSecret(mine.clientId, secret)).toBeNull()
    await api(anna).application.update.mutate({ applicationId: mine.id, version: 2, active: true })
    expect(await applicationWithSecret(mine.clientId, secret)).toBe(mine.id)
    await api(anna).application.delete.mutate({ applicationId: mine.id })
    expect(await applicationWithSecret(mine.clientId, secret)).toBeNull()
  })

  test('are kept by those alone that can keep one, and at most five, however many are asked for at once', async () => {
    for (const type of ['SPA', 'NATIVE'] as const) {
      const { id } = await newApplication(anna, type)
      const refused = await refusal(api(anna).applicationSecret.create.mutate({ applicationId: id, name: 'x' }))
      expect(refused).toMatchObject({ code: 'CONFLICT', details: { reason: 'NO_SECRETS' } })
    }
    const { id: applicationId } = await newApplication(anna, 'MACHINE')
    const create = () => anna.alone().auth.applicationSecret.create.mutate({ applicationId, name: 'x' })
    const answers = await Promise.allSettled(Array.from({ length: 20 }, create))
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    expect((await api(anna).applicationSecret.list.query({ applicationId })).items).toHaveLength(5)
  })

  test('S10 are nowhere in the database but as a hash, and are not told twice', async () => {
    const { id: applicationId } = await newApplication(anna)
    const create = () =>
      api(anna).applicationSecret.create.mutate({ applicationId, name: 'x' }, { context: { idempotencyKey: 'one-key-for-two-calls' } })
    const { secret, id } = await create()
    expect(secret).toMatch(/^pln_c_[\w-]{43}$/)
    expect(await refusal(create())).toMatchObject({ code: 'ALREADY_DONE' })
    const listed = (await api(anna).applicationSecret.list.query({ applicationId })).items
    expect(listed.map(({ id: theirs }) => theirs)).toEqual([id])
    expect(JSON.stringify(listed)).not.toContain(secret.slice(6))
    const tables = await ask<{ name: string }>(
      `SELECT table_schema || '.' || table_name AS name FROM information_schema.tables WHERE table_schema IN ('auth', 'core', 'teams')`,
    )
    for (const { name } of tables)
      expect([name, await ask(`SELECT FROM ${name} AS row WHERE row::text LIKE $1`, [`%${secret.slice(6)}%`])]).toEqual([name, []])
  })
})

describe('a deleted application', () => {
  test('T08 is nowhere to be seen, nor are its people, secrets and invitations, until its owner restores it', async () => {
    const application = await newApplication(anna)
    const dora = await person(server, 'Dora')
    const applicationId = application.id
    const member = await joinApplication(server, { inviter: anna, invited: ben, application, role: 'ADMIN' })
    const { id: secretId } = await api(anna).applicationSecret.create.mutate({ applicationId, name: 'x' })
    const { id: invitationId } = await api(anna).applicationInvitation.create.mutate({
      applicationId,
      email: dora.email,
      role: 'USER',
    })
    // Its mail is not sent any more when the application is gone.
    const token = await server.tokenMailedTo(dora.email, /to the application/)
    await api(anna).application.delete.mutate({ applicationId })
    for (const who of [anna, ben]) {
      expect((await api(who).application.list.query({ limit: 100 })).items.map(({ id }) => id)).not.toContain(applicationId)
      for (const path of ['application.get', 'membership.list', 'applicationSecret.list', 'applicationInvitation.list']) {
        const answer = await raw(who).query(`auth.${path}`, { applicationId })
        expect([path, answer.status, answer.error?.data.code]).toEqual([path, 404, 'NOT_FOUND'])
      }
    }
    const accepted = await raw(dora).mutate('auth.applicationInvitation.accept', { token })
    expect([accepted.status, accepted.error?.data.code]).toEqual([400, 'INVALID_TOKEN'])

    expect(await refusal(api(ben).application.restore.mutate({ applicationId }))).toMatchObject({ code: 'NOT_FOUND' })
    expect((await api(ben).application.list.query({ deleted: true })).items).toEqual([])
    expect((await api(anna).application.list.query({ deleted: true, limit: 100 })).items.map(({ id }) => id)).toContain(applicationId)
    await api(anna).application.restore.mutate({ applicationId })
    const [people, secrets, invitations] = [
      await api(anna).membership.list.query({ applicationId }),
      await api(anna).applicationSecret.list.query({ applicationId }),
      await api(anna).applicationInvitation.list.query({ applicationId }),
    ]
    expect(people.items).toContainEqual(member)
    expect([secrets.items[0]?.id, invitations.items[0]?.id]).toEqual([secretId, invitationId])
  })

  test('T08 a membership that is removed is gone, and the same person may come in again under another id', async () => {
    const application = await newApplication(anna)
    const applicationId = application.id
    const first = await joinApplication(server, { inviter: anna, invited: ben, application, role: 'USER' })
    await api(anna).membership.remove.mutate({ applicationId, membershipId: first.id })
    expect((await api(anna).membership.list.query({ applicationId })).items).toEqual([await ownMembership(anna, application)])
    const gone = await raw(anna).mutate('auth.membership.changeRole', { applicationId, membershipId: first.id, role: 'ADMIN' })
    expect([gone.status, gone.error?.message]).toEqual([404, 'There is no such membership.'])
    const second = await joinApplication(server, { inviter: anna, invited: ben, application, role: 'USER' })
    expect(second.id).not.toBe(first.id)
  })
})

test('secrets overlap: the next one is good beside the old one, until that is revoked or too old', async () => {
  const { id: applicationId, clientId } = await newApplication(anna)
  const old = await api(anna).applicationSecret.create.mutate({ applicationId, name: 'first', expiresInDays: 10 })
  const next = await api(anna).applicationSecret.create.mutate({ applicationId, name: 'second' })
  const good = async () => [await applicationWithSecret(clientId, old.secret), await applicationWithSecret(clientId, next.secret)]
  expect(await good()).toEqual([applicationId, applicationId])
  await api(anna).applicationSecret.revoke.mutate({ applicationId, secretId: next.id })
  expect(await good()).toEqual([applicationId, null])
  expect(await refusal(api(anna).applicationSecret.revoke.mutate({ applicationId, secretId: next.id }))).toMatchObject({
    code: 'NOT_FOUND',
  })
  await advance(server.database.ownerUrl, 10 * day)
  expect(await good()).toEqual([null, null])
  expect((await api(anna).applicationSecret.list.query({ applicationId })).items).toEqual([])
})

test('what decides whose an application is asks for a fresh proof', async () => {
  const application = await ask<{ id: string }>(
    `SELECT application_id AS id FROM auth.memberships WHERE user_id = $1 AND deleted_at IS NULL LIMIT 1`,
    [anna.userId],
  )
  const ids = { applicationId: application[0]?.id }
  for (const [path, input] of [
    ['auth.application.create', { type: 'WEB', name: 'X' }],
    ['auth.application.delete', ids],
    ['auth.applicationSecret.create', { ...ids, name: 'x' }],
    ['auth.membership.changeRole', { ...ids, membershipId: 'tz4a98xxat96iws9zmbrgj3a', role: 'OWNER' }],
    ['auth.apiKey.create', { name: 'x', scopes: ['teams.list'] }],
  ] as const) {
    const { status, error } = await raw(anna).mutate(path, input)
    expect([path, status, error?.data.code]).toEqual([path, 401, 'STEP_UP_REQUIRED'])
  }
})
