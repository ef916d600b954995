/** Faults of ours, kept where administrators can read them: outside the transaction that failed, and at nobody's cost. */
import { z } from 'zod'
import { UserId } from '#lib/ids.ts'
import { describeError, log } from '#lib/log.ts'
import { counter } from '#lib/metrics.ts'
import { withoutValues } from '#lib/plain-message.ts'
import { now } from '#lib/clock.ts'
import { sha256 } from '#lib/secrets.ts'
import { database } from './client.ts'
import type { ErrorLogEntryModel } from './generated/models.ts'
import { keyset, Page, type PageOf } from './pagination.ts'
import { timeOrderedId } from './time-ordered-id.ts'

/** Where a fault was met. */
export interface Circumstances {
  /** The procedure, or the job. */
  readonly procedure?: string | null
  readonly requestId?: string | null
  readonly actorId?: string | null
}

/** A row as it is written. The names are those of the columns, for jsonb_to_recordset. */
interface Row {
  readonly service: string
  readonly id: string
  readonly created_at: Date
  readonly procedure: string | null
  readonly request_id: string | null
  readonly actor_id: string | null
  readonly type: string
  readonly code: string | null
  readonly message: string
  readonly stack: string
  readonly same_as: string
}

/** A fault that is met at each call must not fill the disk, nor hide the others: more than this in a minute is counted and not kept. */
const mostAMinute = 200
const mostAlikeAMinute = 10
const minuteMs = 60_000
const longestStack = 4_000

const faults = counter('plinth_faults_total', 'Faults of ours, kept in the error log or, where there were too many, dropped.', ['kept'])

const seen = new WeakSet<object>()
const waiting: Row[] = []
let minute = { began: 0, all: 0, alike: new Map<string, number>() }
let writing: Promise<void> | undefined

const write = `
  INSERT INTO core.error_log (service, id, created_at, procedure, request_id, actor_id, type, code, message, stack, same_as)
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS row
    (service text, id uuid, created_at timestamptz, procedure text, request_id text, actor_id text, type text, code text, message text, stack text, same_as text)`

/**
 * Keeps a fault in core.error_log: soon, over a connection of its own, once for each error object. It never throws and nobody waits for it;
 * where it cannot be written, the log line is what remains. Values are taken out of its messages.
 */
export function keepError(fault: unknown, circumstances: Circumstances = {}): void {
  if (typeof fault === 'object' && fault !== null) {
    if (seen.has(fault)) return
    seen.add(fault)
  }
  const row = rowOf(fault, circumstances)
  const keeps = hasRoom(row.same_as)
  faults([keeps ? 'yes' : 'no'])
  if (!keeps) return
  waiting.push(row)
  writing ??= writeAll().finally(() => (writing = undefined))
}

/** Resolves when what was met is written: awaited before the database is closed. */
export async function settleErrors(): Promise<void> {
  await writing
}

/** A fault, as administrators read it. */
export const ErrorEntry = z.object({
  id: z.uuid(),
  /** The procedure or job; null where a request met it outside of any. */
  procedure: z.string().nullable(),
  /** What the caller was told, and the log says too. */
  requestId: z.string().nullable(),
  /** Who called; null for strangers and jobs. */
  actorId: UserId.nullable(),
  /** The error's class. */
  type: z.string(),
  /** An SQLSTATE, ECONNRESET: what it has. */
  code: z.string().nullable(),
  message: z.string(),
  stack: z.string(),
  /** Equal for the same fault at the same place. */
  sameAs: z.string(),
  at: z.date(),
})
export type ErrorEntry = z.infer<typeof ErrorEntry>

/** The input of the list: all, or those of one request. */
export const ErrorPage = Page.extend({ requestId: z.string().min(8).max(64).exactOptional() })
export type ErrorPage = z.infer<typeof ErrorPage>

/** Lists the faults of the last 30 days, newest first. */
export async function listErrors({ requestId, ...page }: ErrorPage): Promise<PageOf<ErrorEntry>> {
  const { where, take, cut } = keyset(page, 'id', { order: 'desc' })
  const found = await database().prisma.errorLogEntry.findMany({
    where: { ...where, ...(requestId !== undefined && { requestId }) },
    orderBy: { id: 'desc' },
    take,
  })
  const { items, nextCursor } = cut(found)
  return { items: items.map(present), nextCursor }
}

function present({ createdAt, actorId, service: _service, ...row }: ErrorLogEntryModel): ErrorEntry {
  return { ...row, actorId: actorId === null ? null : UserId.parse(actorId), at: createdAt }
}

function rowOf(error: unknown, { procedure = null, requestId = null, actorId = null }: Circumstances): Row {
  const [first, ...causes] = chainOf(describeError(error) as Described)
  // Zod's own message is JSON, of which nothing would remain.
  const said = error instanceof z.core.$ZodError ? z.prettifyError(error) : first?.message
  const message = withoutValues(said ?? 'Something that is no error was thrown')
  const type = first?.type ?? 'unknown'
  const frames = first?.stack ?? ''
  const causedBy = causes.map((cause) => `caused by ${cause.type}: ${withoutValues(cause.message ?? '')}\n${cause.stack ?? ''}`)
  const at = now()
  return {
    service: procedure?.split('.', 1)[0] ?? 'core',
    id: timeOrderedId(at),
    created_at: at,
    procedure,
    request_id: requestId,
    actor_id: actorId,
    type,
    code: first?.errorCode ?? null,
    message,
    stack: [frames, ...causedBy].join('\n').slice(0, longestStack),
    same_as: sha256(`${type} ${first?.errorCode ?? ''} ${frames.split('\n', 3).join()}`)
      .toString('hex')
      .slice(0, 16),
  }
}

/** As the log describes an error (lib/log.ts). */
interface Described {
  readonly type: string
  readonly errorCode?: string
  readonly message?: string
  readonly stack?: string
  readonly cause?: Described
}

function chainOf(error: Described): Described[] {
  return error.cause ? [error, ...chainOf(error.cause)] : [error]
}

function hasRoom(sameAs: string): boolean {
  const at = now().getTime()
  if (Math.abs(at - minute.began) >= minuteMs) minute = { began: at, all: 0, alike: new Map() }
  const alike = minute.alike.get(sameAs) ?? 0
  if (minute.all >= mostAMinute || alike >= mostAlikeAMinute) return false
  minute.all++
  minute.alike.set(sameAs, alike + 1)
  return true
}

/** Apart from the call that failed, whose transaction and whose answer it must not touch. */
async function writeAll(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  while (waiting.length > 0) {
    const rows = waiting.splice(0)
    try {
      await database().pool.query(write, [JSON.stringify(rows)])
    } catch (error) {
      log.warn({ error, lost: rows.length }, 'Faults could not be written into the error log; the log lines are what remains.')
    }
  }
}
