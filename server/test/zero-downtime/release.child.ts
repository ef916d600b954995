/**
 * One release: the server of the tree that this file lies in, answering HTTP, and beside it writes through the same code's transactions and Prisma
 * client, and plain statements in its own words, as many a second as it is told to. SIGTERM ends it as it ends the server: what is under way is finished.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { transaction } from '#db'
import { database } from '#db/client.ts'
import type { SystemActor } from '#lib/actor.ts'
import { readConfig } from '#lib/config.ts'
import { setUpCode } from '../../src/services/auth/index.ts'
import { start } from '../../src/start.ts'
import type { Acknowledged, Message, Rates } from './messages.ts'

const actor: SystemActor = { kind: 'SYSTEM', name: 'zero-downtime' }
const tell = (message: Message): boolean => process.send?.(message) ?? false
const now = (): number => performance.timeOrigin + performance.now()

const names = new Map<string, string>()
/** Teams that no write is under way for: two at once would be acknowledged in an order of chance. */
const idle: string[] = []
let acknowledged: Acknowledged[] = []
let failures: string[] = []
let rates: Rates = { transactions: 0, statements: 0 }
let stopping = false

type Write = (name: string, known: string | undefined) => Promise<string>

/** As a procedure writes: a transaction with its record. */
const byTransaction: Write = (name, known) =>
  transaction('teams', actor, async (tx) => {
    if (known !== undefined) await tx.team.update({ where: { id: known }, data: { name } })
    const id = known ?? (await tx.team.create({ data: { name, slug: slugOf(name) } })).id
    if (known === undefined) tx.record('teams.team.created', { team: id }, {})
    return id
  })

/** In the words of this release, and as cheap as a write can be. */
const byStatement: Write = async (name, known) => {
  const column = process.env['NAME_COLUMN'] ?? 'name'
  const insert = `INSERT INTO teams.teams (id, ${column}, slug, updated_at) VALUES ($1, $2, $3, now())`
  const update = `UPDATE teams.teams SET ${column} = $2, updated_at = now() WHERE id = $1`
  const id = known ?? randomUUID()
  const { pool } = database()
  await (known === undefined
    ? pool.query({ name: 'insert team', text: insert, values: [id, name, slugOf(name)] })
    : pool.query({ name: 'update team', text: update, values: [id, name] }))
  return id
}

const slugOf = (name: string): string => name.toLowerCase().replace(' ', '-')

async function write(by: Write): Promise<void> {
  const name = `Team ${randomUUID().slice(4)}`
  const known = idle.length > 200 ? idle.shift() : undefined
  const beganAt = now()
  try {
    const id = await by(name, known)
    names.set(id, name)
    idle.push(id)
    acknowledged.push([beganAt, now()])
  } catch (error) {
    failures.push(String(error))
  }
}

/** Keeps the pace where it can: at most eight at a time, and what could not be written in time is not made up for. */
async function keepWriting(kind: keyof Rates, by: Write): Promise<void> {
  const underWay = new Set<Promise<void>>()
  let dueAt = now()
  while (!stopping) {
    dueAt = Math.max(dueAt, now() - 100)
    if (rates[kind] === 0 || dueAt > now()) {
      await sleep(2)
      continue
    }
    while (underWay.size >= 8) await Promise.race(underWay)
    const one = write(by).finally(() => underWay.delete(one))
    underWay.add(one)
    dueAt += 1000 / rates[kind]
  }
  await Promise.all(underWay)
}

function report(): void {
  if (acknowledged.length + failures.length > 0) tell({ kind: 'writes', acknowledged, failures })
  acknowledged = []
  failures = []
}

const plinth = await start(readConfig(process.env))
tell({ kind: 'ready', url: plinth.url ?? '', setupCode: await setUpCode() })
process.on('message', (told: Rates) => (rates = told))
process.once('disconnect', () => process.exit(stopping ? 0 : 1))
const reports = setInterval(report, 100)
const written = Promise.all([keepWriting('transactions', byTransaction), keepWriting('statements', byStatement)])
process.once('SIGTERM', async () => {
  stopping = true
  await written
  await plinth.stop()
  clearInterval(reports)
  report()
  tell({ kind: 'names', names: [...names] })
  process.disconnect?.()
})
