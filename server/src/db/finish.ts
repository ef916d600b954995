/** The last statement before the commit: the records of all that happened and the fate of the call's key, in one trip. */
import type { Connection } from './connection.ts'
import { type Claim, keepResult, placeOf, releaseKey, resultValues } from './idempotency.ts'
import { type EventRecord, recordValues, writeRecords } from './record.ts'
import type { Unit } from './unit.ts'

/** How a transaction's function ended, as far as its key is concerned. */
export type Keeping = { readonly claim: Claim; readonly result: unknown } | { readonly claim: Claim; readonly refused: true } | undefined

const withoutKey = `WITH ${writeRecords} SELECT`
const withResult = `WITH ${writeRecords} ${keepResult}`
const withRelease = `WITH ${writeRecords} ${releaseKey}`

/** Writes what is left to be written. Nothing recorded and no key: no trip. */
export async function finish(connection: Connection, unit: Unit, records: readonly EventRecord[], keeping: Keeping): Promise<void> {
  const values = recordValues(records, unit.now)
  if (!keeping) {
    if (records.length > 0) await connection.run(unit, withoutKey, values)
    return
  }
  const { rowCount } =
    'refused' in keeping
      ? await connection.run(unit, withRelease, [...values, ...placeOf(keeping.claim)])
      : await connection.run(unit, withResult, [...values, ...resultValues(keeping.claim, keeping.result)])
  if (rowCount !== 1) throw new Error('The claim of the idempotency key is gone')
}
