/**
 * What is held of a person, for that person (GDPR, articles 15 and 20): asked for, gathered by a job, told by mail, downloaded once by who is signed
 * in. It is sealed while it lies here, and a day later it is gone.
 */
import { activityOf, db, keyset, transaction, type FeedEvent, type Row } from '#db'
import { exportPersonalData } from '#db/personal-data.ts'
import type { SystemActor, UserActor } from '#lib/actor.ts'
import { now } from '#lib/clock.ts'
import { DataExportId } from '#lib/ids.ts'
import { publicUrl } from '#lib/mail.ts'
import { openSecret, sealSecret } from '#lib/sealed.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import { notice, sendLetter } from './letters.ts'
import { refuseUnknown } from './refusals.ts'
import { sourcesOfPersonalData } from './personal-data-sources.ts'
import type { DataExport, DataExportFile, DataExportList, DownloadDataExport, ListDataExports } from './schema-account.ts'
import { mayMail, refuseMail } from './throttle.ts'

const ttlMs = 24 * 60 * 60 * 1000
const ourselves: SystemActor = { kind: 'SYSTEM', name: 'auth.data_exports' }

/** How much of the activity log is gathered at most, a service: the rest is to be had page by page. */
const mostActivity = 10_000

/**
 * Asks for an export. It is gathered at once, and a mail says when it is there. An earlier one that was not downloaded ends.
 *
 * @throws TOO_MANY_REQUESTS after three an hour.
 */
export async function requestDataExport(actor: UserActor): Promise<DataExport> {
  if (!(await mayMail('DATA_EXPORT', actor.userId)))
    return refuseMail(actor, 'DATA_EXPORT', 'Too many exports were asked for. Try again later.')
  return transaction('auth', actor, async (tx) => {
    const user = await lockCaller(tx, actor)
    if (!user) return refuseCaller()
    await tx.dataExport.deleteMany({ where: { userId: user.id, downloadedAt: null } })
    const row = await tx.dataExport.create({ data: { userId: user.id, expiresAt: new Date(tx.now.getTime() + ttlMs) } })
    tx.record('auth.data_export.requested', { user: user.id }, { exportId: DataExportId.parse(row.id) })
    return present(row)
  })
}

/** Lists the person's exports, newest first. */
export async function listDataExports(actor: UserActor, page: ListDataExports): Promise<DataExportList> {
  const { where, take, cut } = keyset(page, 'id', { order: 'desc' })
  const { items, nextCursor } = cut(
    await db('auth').dataExport.findMany({ where: { userId: actor.userId, ...where }, orderBy: { id: 'desc' }, take }),
  )
  return { items: items.map(present), nextCursor }
}

/**
 * Gives the export, once: it is kept no longer.
 *
 * @throws NOT_FOUND when it is somebody else's, is not ready, was downloaded, or is older than a day.
 */
export async function downloadDataExport(actor: UserActor, { exportId }: DownloadDataExport): Promise<DataExportFile> {
  return transaction('auth', actor, async (tx) => {
    if (!(await lockCaller(tx, actor))) return refuseCaller()
    const row = await tx.lock('dataExport', { id: exportId, userId: actor.userId })
    if (!row || row.sealed === null || row.downloadedAt !== null || row.expiresAt <= tx.now) {
      return refuseUnknown(tx, actor, 'dataExport.download', 'There is no such export.')
    }
    await tx.dataExport.update({ where: { id: row.id }, data: { sealed: null, downloadedAt: tx.now } })
    tx.record('auth.data_export.downloaded', { user: actor.userId }, { exportId })
    return { fileName: `export-${row.createdAt.toISOString().slice(0, 10)}.json`, contentType: 'application/json', content: opened(row) }
  })
}

/** Gathers an export that was asked for. A repeated job finds it gathered. */
export async function gatherDataExport({ data: { exportId } }: FeedEvent<'auth.data_export.requested'>): Promise<void> {
  const row = await db('auth').dataExport.findFirst({ where: { id: exportId, readyAt: null } })
  if (!row) return
  const sealed = sealSecret(JSON.stringify(await everythingAbout(row.userId), withBigints, 2), aadOf(row))
  await transaction('auth', ourselves, async (tx) => {
    const { count } = await tx.dataExport.updateMany({ where: { id: exportId, readyAt: null }, data: { sealed, readyAt: tx.now } })
    if (count > 0) tx.record('auth.data_export.ready', { user: row.userId }, { exportId })
  })
}

/** Tells a person that their export is there. The mail has no link to it: who reads the mailbox is not who is signed in. */
export async function mailDataExportReady(event: FeedEvent<'auth.data_export.ready'>): Promise<void> {
  const paragraphs = [
    `What is held of you is gathered. Sign in to download it, once, within a day: ${publicUrl('/account')}`,
    `If you did not ask for it, somebody is in your account: choose a new password, which ends every session: ${publicUrl('/forgot-password')}`,
  ]
  await sendLetter(event, await notice(event.user, 'Your export is ready', paragraphs))
}

async function everythingAbout(userId: string): Promise<Record<string, unknown>> {
  const account = await db('auth').user.findFirst({ where: { id: userId }, select: { email: true } })
  const subject = { userId, emails: account ? [account.email] : [] }
  const everything: Record<string, unknown> = { about: 'Everything that this installation holds of you, by service and table.', at: now() }
  for (const source of sourcesOfPersonalData()) {
    if (source.service === 'core') continue
    everything[source.service] = { ...(await exportPersonalData(source, subject)), activity: await activityAbout(source.service, userId) }
  }
  return everything
}

async function activityAbout(service: Exclude<Parameters<typeof activityOf>[0], 'core'>, userId: string): Promise<unknown[]> {
  const entries: unknown[] = []
  let cursor: string | null | undefined
  do {
    const page = await activityOf(service, { user: userId }, { limit: 100, ...(cursor && { cursor }) })
    entries.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null && entries.length < mostActivity)
  return entries
}

function opened(row: Row<'dataExport'>): string {
  return openSecret(row.sealed ?? '', aadOf(row))
}

/** Sealed for one row of one person: it opens in no other place. */
function aadOf({ id, userId }: Pick<Row<'dataExport'>, 'id' | 'userId'>): string {
  return `data-export:${id}:${userId}`
}

function withBigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}

function present({ id, readyAt, downloadedAt, createdAt, expiresAt }: Row<'dataExport'>): DataExport {
  return { id: DataExportId.parse(id), status: statusOf({ readyAt, downloadedAt, expiresAt }), createdAt, expiresAt }
}

function statusOf({
  readyAt,
  downloadedAt,
  expiresAt,
}: Pick<Row<'dataExport'>, 'readyAt' | 'downloadedAt' | 'expiresAt'>): DataExport['status'] {
  if (downloadedAt !== null) return 'DOWNLOADED'
  if (expiresAt <= now()) return 'EXPIRED'
  return readyAt === null ? 'GATHERING' : 'READY'
}
