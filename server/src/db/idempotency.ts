/** A call has its effect once, however often it is sent: the first claims its key and leaves its result there, the others get that. */
import superjson from 'superjson'
import { type Call, currentCall, type Idempotency } from '#lib/call.ts'
import { AppError } from '#lib/errors.ts'
import { database } from './client.ts'
import type { Connection } from './connection.ts'
import type { Service } from './models.ts'
import { statementName } from './statements.ts'
import type { Unit } from './unit.ts'

/** After this long the same key is a new call. */
const kept = `interval '24 hours'`
/** A result larger than this is not kept: the repeat is answered ALREADY_DONE. */
const largestResult = 64 * 1024

/** The key of the call under way, in the service that it writes to first. */
export interface Claim extends Idempotency {
  readonly service: Service
  readonly procedure: string
}

/** What a claim found. `MINE`: go on; the transaction id tells, after a lost answer, whether it was this attempt that was committed. */
export type Found =
  | { readonly state: 'MINE'; readonly attempt: string }
  | { readonly state: 'DONE'; readonly attempt: string; readonly result: unknown }

/** Each call has one outermost transaction: its key can be claimed once. */
const claimed = new WeakSet<Call>()

/** Gives the claim that the call under way has to make, if it came with a key. Throws when the call has made it already. */
export function claimOf(service: Service): Claim | undefined {
  const call = currentCall()
  if (!call?.idempotency) return undefined
  if (claimed.has(call)) {
    throw new Error(
      `${call.procedure} opened a second transaction: its key covers one. Nest it in the first, or wrap what may happen twice in apart()`,
    )
  }
  claimed.add(call)
  return { ...call.idempotency, service, procedure: call.procedure }
}

/** A twin that is under way holds the key's place in the index: the INSERT waits for its end. A key older than a day is taken over. */
const insertClaim = `
INSERT INTO core.idempotency_keys AS known (service, owner, procedure, key, fingerprint, created_at)
VALUES ($1, $2, $3, $4, $5, core.clock())
ON CONFLICT (service, owner, procedure, key) DO UPDATE
  SET fingerprint = excluded.fingerprint, result = NULL, created_at = excluded.created_at
  WHERE known.created_at <= core.clock() - ${kept}
RETURNING xmin::text AS attempt`

/** In a statement of its own: only its snapshot sees what the twin committed while the INSERT waited. */
const readClaim = `
SELECT fingerprint, result::text AS result, xmin::text AS attempt FROM core.idempotency_keys
WHERE service = $1 AND owner = $2 AND procedure = $3 AND key = $4`

/**
 * Claims the key, as the first statement of the transaction.
 *
 * @throws CONFLICT KEY_REUSED where the key came with another input; ALREADY_DONE where the call was made and its result was not kept.
 */
export async function claimKey(connection: Connection, unit: Unit, claim: Claim): Promise<Found> {
  const place = placeOf(claim)
  const { rows } = await connection.run(unit, insertClaim, [...place, Buffer.from(claim.fingerprint)])
  if (rows[0]) return { state: 'MINE', attempt: String(rows[0].attempt) }
  const known = (await connection.run(unit, readClaim, place)).rows[0]
  if (!known) throw new Error('A claimed key was removed while it was read')
  if (!Buffer.from(claim.fingerprint).equals(known.fingerprint as Buffer)) {
    throw new AppError('CONFLICT', 'This idempotency key was used for another input.', { reason: 'KEY_REUSED' })
  }
  return { state: 'DONE', attempt: String(known.attempt), result: known.result }
}

const readKept = `${readClaim} AND created_at > core.clock() - ${kept}`

/**
 * Gives what the call kept when it was made before with this input; undefined where it was not. For a call that is refused before it
 * could claim its key: it may be its own effect, made the first time, that now stands in its way.
 *
 * @throws ALREADY_DONE where the result was not kept.
 */
export async function keptResult(service: string, procedure: string, call: Idempotency): Promise<{ readonly result: unknown } | undefined> {
  const { rows } = await database().pool.query<{ fingerprint: Buffer; result: string | null }>({
    name: statementName(readKept),
    text: readKept,
    values: [service, call.owner, procedure, call.key],
  })
  const [known] = rows
  return known && Buffer.from(call.fingerprint).equals(known.fingerprint) ? { result: decodeResult(known.result) } : undefined
}

/** @throws ALREADY_DONE where the result was not kept. */
export function decodeResult(stored: unknown): unknown {
  if (typeof stored === 'string') return superjson.parse(stored)
  throw new AppError('ALREADY_DONE', 'This call was made already. Its result is not kept, because it held a secret or was too large.')
}

/** The last part of the last statement: keeps the result ($5 to $9). `releaseKey` gives the key back where the call was refused. */
export const keepResult = `UPDATE core.idempotency_keys SET result = $5::jsonb WHERE service = $6 AND owner = $7 AND procedure = $8 AND key = $9`
/** Its counterpart ($5 to $8). */
export const releaseKey = `DELETE FROM core.idempotency_keys WHERE service = $5 AND owner = $6 AND procedure = $7 AND key = $8`

/** The values of `keepResult`. Null stands for a result that is not kept: one with a secret, or a large one. */
export function resultValues(claim: Claim, result: unknown): unknown[] {
  const text = claim.secret ? null : superjson.stringify(result)
  const keeps = text !== null && Buffer.byteLength(text) <= largestResult
  return [keeps ? text : null, ...placeOf(claim)]
}

/** The place of a claim in the table. */
export function placeOf({ service, owner, procedure, key }: Claim): string[] {
  return [service, owner, procedure, key]
}

const purgeSome = `
DELETE FROM core.idempotency_keys WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM core.idempotency_keys WHERE created_at <= core.clock() - ${kept} LIMIT $1))`

/** Removes the keys that are older than a day, some thousands at a time. Gives how many. For a schedule. */
export async function purgeExpiredKeys(): Promise<number> {
  const atOnce = 5_000
  let removed = 0
  for (;;) {
    const { rowCount } = await database().pool.query(purgeSome, [atOnce])
    removed += rowCount ?? 0
    if ((rowCount ?? 0) < atOnce) return removed
  }
}
