import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { transaction, type FeedEvent, type Row } from '#db'
import { database } from '#db/client.ts'
import type { SystemActor, UserActor } from '#lib/actor.ts'
import { SessionId, UserId, type ApiKeyId } from '#lib/ids.ts'
import { log } from '#lib/log.ts'
import { closeMail, useMail } from '#lib/mail.ts'
import { useSecret } from '#lib/secrets.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { openSpine, type Spine } from '../../../test/spine.ts'
import { createApiKey, revokeApiKey } from './api-keys.ts'
import { issueToken, jobs, tokenFor } from './index.ts'
import { removals } from './retention.ts'
import { mintSession, newCredential } from './sessions.ts'
import { mayMail } from './throttle.ts'

const tester: SystemActor = { kind: 'SYSTEM', name: 'test' }
const day = 86_400_000
let spine: Spine
let folder: string
let last = 0

beforeAll(async () => {
  spine = await openSpine()
  useSecret('a secret for tests, 32 characters')
  folder = await mkdtemp(join(tmpdir(), 'plinth-mails-'))
  useMail({ MAIL_URL: pathToFileURL(folder).href, MAIL_FROM: 'plinth@example.com', PUBLIC_URL: 'https://plinth.example.com' })
})
afterAll(async () => {
  closeMail()
  await rm(folder, { recursive: true })
  await spine[Symbol.asyncDispose]()
})

const makeUser = (email: string) =>
  transaction('auth', tester, async (tx) => tx.user.create({ data: { email, name: 'Ada', emailVerifiedAt: tx.now } }))
const mint = (user: Row<'user'>) =>
  transaction('auth', tester, async (tx) => mintSession(tx, user, newCredential('BEARER'), { methods: ['PASSWORD'], level: 1 }))
const mailJob = jobs.find((job) => job.name === 'auth.mail')
const mails = async () => Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')))

/** Lets the mail job have its effect for an event, as a delivery does. */
async function deliver(
  name: 'auth.password_reset.requested' | 'auth.password.changed',
  user: Row<'user'>,
  data: object,
  id = `event-${++last}`,
): Promise<string[]> {
  const event = {
    id,
    name,
    service: 'auth',
    position: 1n,
    actorKind: 'ANONYMOUS',
    actorId: null,
    team: null,
    user: user.id,
    requestId: null,
    at: new Date(0),
    data,
  }
  if (mailJob?.kind !== 'effect') throw new Error('auth.mail is an effect')
  await mailJob.run(event as unknown as FeedEvent)
  return mails()
}

test('a mail job that is repeated sends the identical mail', async () => {
  const user = await makeUser('again@example.com')
  const tokenId = await issueToken({ purpose: 'PASSWORD_RESET', subject: user.id, userId: user.id, email: user.email, ttlMs: day })
  const first = await deliver('auth.password_reset.requested', user, { tokenId }, 'the-same')
  expect(first).toEqual([expect.stringContaining(`https://plinth.example.com/reset-password#token=${tokenFor('PASSWORD_RESET', tokenId)}`)])
  expect(await deliver('auth.password_reset.requested', user, { tokenId }, 'the-same')).toEqual(first)
})

test('there is no mail for a link that was replaced meanwhile, or for an account that is gone', async () => {
  const user = await makeUser('gone@example.com')
  const issue = () => issueToken({ purpose: 'PASSWORD_RESET', subject: user.id, userId: user.id, email: user.email, ttlMs: day })
  const [before, tokenId] = [await mails(), await issue()]
  await issue()
  expect(await deliver('auth.password_reset.requested', user, { tokenId })).toEqual(before)
  await transaction('auth', tester, async (tx) => tx.user.delete({ where: { id: user.id } }))
  expect(await deliver('auth.password.changed', user, {})).toEqual(before)
})

/** Runs what removes what has served, as the clock does. */
async function clean(): Promise<void> {
  for (const job of jobs) if (job.kind === 'schedule' && job.name.endsWith('_retention')) await job.run()
}

test('what has served is removed for good: sessions 30 days after their end, tokens a day after theirs, counters after their window', async () => {
  const user = await makeUser('kept@example.com')
  const counts = async () => [
    await spine.count('auth.sessions'),
    await spine.count('auth.verification_tokens'),
    await spine.count('auth.throttles'),
  ]
  await issueToken({ purpose: 'SETUP', subject: '', ttlMs: day })
  await mayMail('SIGN_UP', 'kept@example.com')
  await mint(user)
  const [sessions, tokens, throttles] = await counts()
  await clean()
  expect(await counts()).toEqual([sessions, tokens, throttles])
  await advance(spine.database.ownerUrl, 3 * day)
  await clean()
  expect(await counts()).toEqual([sessions, 0, 0])
  await advance(spine.database.ownerUrl, 42 * day)
  await mint(user)
  await clean()
  expect(await counts()).toEqual([1, 0, 0])
})

/** A key that is revoked, one that expires after ten days, and one that lives for a year. */
async function makeKeys(user: Row<'user'>): Promise<Record<'revoked' | 'expiring' | 'living', ApiKeyId>> {
  const session = await mint(user)
  const actor: UserActor = { kind: 'USER', userId: UserId.parse(user.id), sessionId: SessionId.parse(session.id) }
  const make = async (expiresInDays: number) =>
    (await createApiKey(actor, { name: 'tool', scopes: ['auth.me'], expiresInDays }, new Set(['auth.me']))).id
  const keys = { revoked: await make(365), expiring: await make(10), living: await make(365) }
  await revokeApiKey(actor, { apiKeyId: keys.revoked })
  return keys
}

/** The same of an application's secrets, and one of an application that is deleted, which expires after sixty days. */
async function makeSecrets(createdById: string): Promise<void> {
  await transaction('auth', tester, async (tx) => {
    const after = (days: number) => new Date(tx.now.getTime() + days * day)
    const make = async (name: string, expiresAt: Date, revokedAt: Date | null, deleted = false) => {
      const application = await tx.application.create({ data: { type: 'WEB', name, clientId: name } })
      const secretHash = Buffer.from(name)
      await tx.applicationSecret.create({ data: { applicationId: application.id, name, secretHash, expiresAt, revokedAt, createdById } })
      if (deleted) await tx.application.delete({ where: { id: application.id } })
    }
    await make('revoked', after(365), tx.now)
    await make('expiring', after(10), null)
    await make('living', after(365), null)
    await make('deleted', after(60), null, true)
  })
}

test('keys and secrets are removed for good 30 days after they were revoked or expired, and counted; the activity goes on telling of them', async () => {
  const user = await makeUser('keys@example.com')
  const keys = await makeKeys(user)
  await makeSecrets(user.id)
  const kept = async () => [
    (await spine.ask<{ id: ApiKeyId }>('SELECT id FROM auth.api_keys ORDER BY id')).map(({ id }) => id),
    (await spine.ask<{ name: string }>('SELECT name FROM auth.application_secrets ORDER BY id')).map(({ name }) => name),
  ]
  const reported = vi.spyOn(log, 'info')
  const cleanAfter = async (days: number) => {
    await advance(spine.database.ownerUrl, days * day)
    await clean()
    return kept()
  }
  expect(await cleanAfter(29)).toEqual([
    [keys.revoked, keys.expiring, keys.living],
    ['revoked', 'expiring', 'living', 'deleted'],
  ])
  expect(await cleanAfter(2)).toEqual([
    [keys.expiring, keys.living],
    ['expiring', 'living', 'deleted'],
  ])
  expect(reported).toHaveBeenCalledWith({ removed: { revokedApiKeys: 1, expiredApiKeys: 0 } }, expect.any(String))
  expect(reported).toHaveBeenCalledWith({ removed: { revokedApplicationSecrets: 1, expiredApplicationSecrets: 0 } }, expect.any(String))
  expect(await cleanAfter(10)).toEqual([[keys.living], ['living', 'deleted']])
  expect(await cleanAfter(50)).toEqual([[keys.living], ['living']])
  reported.mockRestore()
  const told = await spine.ask<{ event: string }>(`SELECT event FROM core.activity WHERE data ->> 'apiKeyId' = $1 ORDER BY id`, [
    keys.revoked,
  ])
  expect(told.map(({ event }) => event)).toEqual(['auth.api_key.created', 'auth.api_key.revoked'])
})

test('more rows than one statement may remove are removed page by page, each by an index', async () => {
  const { ownerUrl } = spine.database
  await query(
    ownerUrl,
    `INSERT INTO auth.throttles (bucket, count, window_ends_at, updated_at)
     SELECT 'old' || n, 1, core.clock() - interval '1 hour', core.clock() FROM generate_series(1, 12000) AS n`,
  )
  const removed = new Set<number | null>()
  const { pool } = database()
  const watched = vi.spyOn(pool, 'query')
  await clean()
  for (const { value } of watched.mock.results) removed.add((await (value as unknown as Promise<{ rowCount: number | null }>)).rowCount)
  watched.mockRestore()
  expect([...removed].toSorted((a, b) => Number(a) - Number(b))).toEqual([0, 2_000, 5_000])
  expect(await spine.count('auth.throttles')).toBe(0)
  for (const statement of Object.values(removals)) {
    const client = new pg.Client({ connectionString: ownerUrl })
    await client.connect()
    await client.query('SET enable_seqscan = off')
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${statement}`)
    await client.end()
    expect.soft(rows.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('Seq Scan')
  }
})
