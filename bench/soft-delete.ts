/**
 * What our extensions of Prisma cost: an operation through the client that services use against the same filters written by hand on the plain
 * client, both on pools of their own that are alike. By hand also what the guard triggers cost the database.
 *
 * `DATABASE_URL=... node bench/soft-delete.ts`, on a deployed database that may be written to.
 */
import { PrismaClient } from '../server/src/db/generated/client.ts'
import { softDeleting } from '../server/src/db/soft-delete/index.ts'
import { requireFromServer } from './packages.ts'
import { median } from './statistics.ts'
import { offer } from './worker.ts'

const pg = requireFromServer('pg') as typeof import('../server/node_modules/@types/pg/index.d.ts')
const { PrismaPg } = requireFromServer('@prisma/adapter-pg') as typeof import('../server/node_modules/@prisma/adapter-pg/dist/index.d.ts')

const connectionString = process.env['DATABASE_URL']
if (!connectionString) throw new Error('Name the database: DATABASE_URL=postgresql://... node bench/soft-delete.ts')
const pool = new pg.Pool({ connectionString, max: 4 })
const client = () => new PrismaClient({ adapter: new PrismaPg(new pg.Pool({ connectionString, max: 4 }), { statementNameGenerator: ({ sql }) => `s${hash(sql)}` }), errorFormat: 'minimal' })
const plain = client()
const soft = softDeleting(client())
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

const both = Object.entries(operations).flatMap(([name, [withExtension, byHand]]) => [[`${name} | extended`, withExtension] as const, [`${name} | by hand`, byHand] as const])
await offer(Object.fromEntries(both), async () => {
  if (!process.send) await guards()
  await Promise.all([plain.$disconnect(), soft.$disconnect(), pool.end()])
})

async function guards(): Promise<void> {
  const guarded: number[] = []
  const unguarded: number[] = []
  for (let round = 0; round < 9; round++) {
    guarded.push(await insertUs('ENABLE'))
    unguarded.push(await insertUs('DISABLE'))
  }
  await pool.query('ALTER TABLE teams.members ENABLE TRIGGER USER')
  console.log(`a child's INSERT in the database    ${median(guarded).toFixed(1)} µs, without guards ${median(unguarded).toFixed(1)} µs`)
  console.log(`DELETE of a parent with 5 children  ${(await deleteUs()).toFixed(0)} µs in the database`)
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
