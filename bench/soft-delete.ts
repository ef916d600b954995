/**
 * What soft delete costs: the client's CPU for an operation through the extension against the same filters written by hand on the plain client,
 * and the database's time for a row with and without its guard triggers. Medians of rounds that take turns.
 *
 * `node bench/soft-delete.ts [rounds] [milliseconds a round]`
 */
import { createRequire } from 'node:module'
import { openTemporary } from '../server/src/db/embedded-temporary.ts'
import { PrismaClient } from '../server/src/db/generated/client.ts'
import { softDeleting } from '../server/src/db/soft-delete/index.ts'
import { deploy } from '../server/src/deploy.ts'

// The packages are the server's, not this folder's.
const require = createRequire(new URL('../server/package.json', import.meta.url))
const pg = require('pg') as typeof import('../server/node_modules/@types/pg/index.d.ts')
const { PrismaPg } = require('@prisma/adapter-pg') as typeof import('../server/node_modules/@prisma/adapter-pg/dist/index.d.ts')

const [, , rounds = '9', roundMs = '400'] = process.argv
const inFlight = 4
const server = await openTemporary()
await deploy(server.url)
const pool = new pg.Pool({ connectionString: server.url, max: inFlight })
const plain = new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator: ({ sql }) => `s${hash(sql)}` }) })
const soft = softDeleting(plain)
const teams = await seed()

const live = { deletedAt: null }
let turn = 0
const next = () => teams[turn++ % teams.length]!
const slug = () => `x${crypto.randomUUID()}`
const operations: Record<string, [withExtension: () => Promise<unknown>, byHand: () => Promise<unknown>]> = {
  findUnique: [() => soft.team.findUnique({ where: { id: next() } }), () => plain.team.findUnique({ where: { id: next(), ...live } })],
  'findMany, 20 rows': [() => soft.team.findMany({ take: 20 }), () => plain.team.findMany({ take: 20, where: live })],
  'findMany, 20 rows with 5 each': [
    () => soft.team.findMany({ take: 20, include: { members: true } }),
    () => plain.team.findMany({ take: 20, where: live, include: { members: { where: live } } }),
  ],
  'count with a relation filter': [
    () => soft.team.count({ where: { id: next(), members: { some: { role: 'OWNER' } } } }),
    () => plain.team.count({ where: { id: next(), ...live, members: { some: { role: 'OWNER', ...live } } } }),
  ],
  create: [() => soft.team.create({ data: { name: 'n', slug: slug() } }), () => plain.team.create({ data: { name: 'n', slug: slug() } })],
  update: [
    () => soft.team.update({ where: { id: next() }, data: { name: 'm' } }),
    () => plain.team.update({ where: { id: next(), ...live }, data: { name: 'm' } }),
  ],
}

for (const [name, [withExtension, byHand]] of Object.entries(operations)) {
  const figures: [number[], number[]] = [[], []]
  for (let round = 0; round <= Number(rounds); round++) {
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const cost = await cpuPerOperation([withExtension, byHand][which]!)
      if (round > 0) figures[which].push(cost)
    }
  }
  const [ours, theirs] = [median(figures[0]), median(figures[1])]
  console.log(`${name.padEnd(32)} ${ours.toFixed(0).padStart(6)} µs, by hand ${theirs.toFixed(0).padStart(6)} µs: ${percent(ours / theirs)}`)
}

const guarded: number[] = []
const unguarded: number[] = []
for (let round = 0; round < Number(rounds); round++) {
  guarded.push(await insertUs('ENABLE'))
  unguarded.push(await insertUs('DISABLE'))
}
await pool.query('ALTER TABLE teams.members ENABLE TRIGGER USER')
console.log(`a child's INSERT in the database    ${median(guarded).toFixed(1)} µs, without guards ${median(unguarded).toFixed(1)} µs`)
console.log(`DELETE of a parent with 5 children  ${(await deleteUs()).toFixed(0)} µs in the database`)
await plain.$disconnect()
await pool.end()
await server.close()

/** Runs for a round with a few in flight; gives the process's CPU time for one, in microseconds. */
async function cpuPerOperation(operation: () => Promise<unknown>): Promise<number> {
  const until = performance.now() + Number(roundMs)
  const before = process.cpuUsage()
  let count = 0
  const worker = async (): Promise<void> => {
    for (; performance.now() < until; count++) await operation()
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

/** Microseconds of the database for one row of 2,000 in a loop, foreign key check included; rolled back. */
async function insertUs(guards: 'ENABLE' | 'DISABLE'): Promise<number> {
  await pool.query(`ALTER TABLE teams.members ${guards} TRIGGER USER`)
  return timed(`INSERT INTO teams.members (id, team_id, user_id, role, updated_at) VALUES (gen_random_uuid(), '${next()}', 'w' || i, 'MEMBER', now());`, 2_000)
}

async function deleteUs(): Promise<number> {
  return timed(`UPDATE teams.teams SET deleted_at = now(), deletion_id = gen_random_uuid() WHERE id = (ARRAY['${teams.join("','")}']::uuid[])[i];`, 200)
}

async function timed(statement: string, times: number): Promise<number> {
  const client = await pool.connect()
  const before = process.hrtime.bigint()
  await client.query(`BEGIN; DO $$ BEGIN FOR i IN 1..${times} LOOP ${statement} END LOOP; END $$; ROLLBACK`)
  client.release()
  return Number(process.hrtime.bigint() - before) / 1_000 / times
}

/** Two hundred teams of five members, and as many deleted ones. */
async function seed(): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(`
    INSERT INTO teams.teams (id, name, slug, updated_at) SELECT gen_random_uuid(), 'n', 't' || i, now() FROM generate_series(1, 400) AS i RETURNING id`)
  const ids = rows.map((row) => row.id)
  await pool.query(`
    INSERT INTO teams.members (id, team_id, user_id, role, updated_at)
    SELECT gen_random_uuid(), id, 'u' || i, 'OWNER', now() FROM teams.teams, generate_series(1, 5) AS i`)
  await soft.team.deleteMany({ where: { id: { in: ids.slice(200) } } })
  await pool.query('ANALYZE')
  return ids.slice(0, 200)
}

function hash(sql: string): string {
  let sum = 0
  for (let index = 0; index < sql.length; index++) sum = (Math.imul(sum, 31) + sql.charCodeAt(index)) | 0
  return `${sql.length}_${sum >>> 0}`
}

function median(values: number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}

function percent(ratio: number): string {
  return `${ratio < 1 ? '' : '+'}${((ratio - 1) * 100).toFixed(1)} %`
}
