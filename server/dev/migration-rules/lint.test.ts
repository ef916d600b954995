import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { migrationsFolder, noTransaction } from '../../src/db/migrations/files.ts'
import { beginning, lintMigrations } from './lint.ts'

/** Lints migrations that consist of these scripts, and gives what is found as `<migration>:<line> <rule>`. */
async function found(...scripts: string[]): Promise<string[]> {
  return (await lintMigrations(folderOf(...scripts))).map((fault) => fault.replace(/^(\S+ [^:]+):.*$/s, '$1'))
}

function folderOf(...scripts: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-rules-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [index, sql] of scripts.entries()) {
    mkdirSync(join(folder, `2027010100000${index}_m`))
    writeFileSync(join(folder, `2027010100000${index}_m/migration.sql`), sql)
  }
  return folder
}

/** The rules that a statement on a table in use breaks. */
async function rulesOf(sql: string): Promise<string[]> {
  return (await found(sql)).map((fault) => fault.split(' ')[1] ?? '')
}

test("the project's own migrations keep the rules", async () => {
  expect(await lintMigrations(migrationsFolder)).toEqual([])
})

test('the beginning is closed: five migrations that met no row', () => {
  expect(beginning).toHaveLength(5)
  expect(beginning.at(-1)).toBe('20261120121540_pending_sign_ups_and_retention')
})

test.each([
  ['CREATE INDEX i ON teams.teams (name)', 'require-concurrent-index-creation'],
  ['DROP INDEX teams.i', 'require-concurrent-index-deletion'],
  ['REINDEX TABLE teams.teams', 'require-concurrent-reindex'],
  ['ALTER TABLE teams.teams ALTER COLUMN n TYPE bigint', 'changing-column-type'],
  ['ALTER TABLE teams.teams ALTER COLUMN n SET NOT NULL', 'adding-not-nullable-field'],
  ['ALTER TABLE teams.teams ADD COLUMN n text NOT NULL', 'adding-required-field'],
  ['ALTER TABLE teams.teams ADD COLUMN n uuid DEFAULT gen_random_uuid()', 'adding-field-with-default'],
  ['ALTER TABLE teams.teams ADD CONSTRAINT c CHECK (n > 1)', 'constraint-missing-not-valid'],
  ['ALTER TABLE teams.teams ADD CONSTRAINT u UNIQUE (n)', 'disallowed-unique-constraint'],
  ['ALTER TABLE teams.teams ADD COLUMN n uuid REFERENCES teams.members (id)', 'adding-foreign-key-constraint'],
  ['ALTER TABLE teams.teams ADD CONSTRAINT f FOREIGN KEY (n) REFERENCES teams.members (id)', 'adding-foreign-key-constraint'],
  ['ALTER TABLE teams.teams RENAME COLUMN n TO m', 'renaming-column'],
  ['ALTER TABLE teams.teams RENAME TO groups', 'renaming-table'],
  ['ALTER TABLE teams.teams DROP COLUMN n', 'ban-drop-column'],
  ['DROP TABLE teams.teams', 'ban-drop-table'],
  ['ALTER TABLE core.activity DETACH PARTITION core.old', 'require-concurrent-partition-detach'],
])('squawk refuses %s', async (sql, rule) => {
  expect(await rulesOf(sql)).toContain(rule)
})

test.each([
  ['UPDATE teams.teams SET name = slug', 'moves-rows'],
  ['WITH gone AS (DELETE FROM teams.teams RETURNING id) SELECT count(*) FROM gone', 'moves-rows'],
  ['LOCK TABLE teams.teams', 'locks-table'],
  ['VACUUM FULL teams.teams', 'rewrites-table'],
  ['CLUSTER teams.teams USING i', 'rewrites-table'],
  ['ALTER TABLE teams.teams SET UNLOGGED', 'rewrites-table'],
  ['REFRESH MATERIALIZED VIEW teams.m', 'rewrites-table'],
  ['TRUNCATE teams.teams', 'breaks-running-code'],
  ['DROP SCHEMA teams CASCADE', 'breaks-running-code'],
  ['DROP FUNCTION core.clock()', 'breaks-running-code'],
  ['ALTER TABLE teams.teams SET SCHEMA core', 'breaks-running-code'],
  [`ALTER TYPE teams.team_role RENAME VALUE 'OWNER' TO 'BOSS'`, 'breaks-running-code'],
  ['ALTER TABLE teams.teams ADD COLUMN n bigint CHECK (n > 1)', 'checks-all-rows'],
  ['CREATE TABLE core.p PARTITION OF core.activity DEFAULT', 'partition-of'],
  ['SET lock_timeout = 0', 'own-timeout'],
  [`SELECT set_config('statement_timeout', '0', false)`, 'own-timeout'],
  ['ALTER TABLE teams.teams DISABLE TRIGGER ALL', 'disables-triggers'],
  ['DO $$ BEGIN ALTER TABLE teams.teams DROP COLUMN n; END $$', 'hides-statements'],
])('a rule of ours refuses %s', async (sql, rule) => {
  expect(await rulesOf(sql)).toContain(rule)
})

test.each([
  'ALTER TABLE t ADD COLUMN n bigint GENERATED ALWAYS AS (m + 1) VIRTUAL',
  'ALTER TABLE t ADD CONSTRAINT c NOT NULL n NOT VALID',
  'ALTER TABLE t ALTER COLUMN id SET DEFAULT uuidv7()',
  `CREATE FUNCTION f() RETURNS uuid LANGUAGE sql AS $$ SELECT uuidv7() $$`,
  'MERGE INTO a USING b ON a.id = b.id WHEN NOT MATCHED BY SOURCE THEN DELETE',
])('PostgreSQL 15 does not take %s', async (sql) => {
  expect(await rulesOf(sql)).toContain('newer-than-15')
})

test('adding a column that may be empty, a table with all that belongs to it, or an index outside a transaction is nobody’s loss', async () => {
  const table = `CREATE TABLE teams.notes (id uuid PRIMARY KEY, team_id uuid NOT NULL);
    CREATE UNIQUE INDEX notes_team_id_key ON teams.notes (team_id);
    ALTER TABLE teams.notes ADD CONSTRAINT f FOREIGN KEY (team_id) REFERENCES teams.teams (id);
    ALTER TABLE teams.notes ADD CONSTRAINT c CHECK (id <> team_id);
    INSERT INTO teams.notes SELECT id, id FROM teams.teams; UPDATE teams.notes SET team_id = id;
    SELECT core.guard_soft_deletes();`
  const index = `${noTransaction}\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON teams.teams (name);\nDROP INDEX CONCURRENTLY IF EXISTS j;`
  const column = `ALTER TABLE teams.teams ADD COLUMN motto text, ADD COLUMN size bigint NOT NULL DEFAULT 1`
  expect(await found(table, index, column, `${noTransaction}\nALTER TABLE teams.teams VALIDATE CONSTRAINT c`)).toEqual([])
})

test('a constraint is not validated in the transaction that adds it', async () => {
  const both = 'ALTER TABLE teams.teams ADD CONSTRAINT c CHECK (n > 1) NOT VALID;\nALTER TABLE teams.teams VALIDATE CONSTRAINT c;'
  expect(await found(both)).toEqual(['20270101000000_m:2 constraint-missing-not-valid'])
})

test('what runs outside a transaction waits for no strong lock', async () => {
  expect(await found(`${noTransaction}\nALTER TABLE teams.teams ADD COLUMN n text;`)).toEqual(['20270101000000_m:2 waits-without-limit'])
})

test('an exception stands above its statement, names the rule and says why', async () => {
  const excused = `-- The old name.\n-- plinth: allow ban-drop-column: nobody has read it since the release before\nALTER TABLE teams.teams DROP COLUMN n;`
  expect(await found(excused)).toEqual([])
  expect(await found(`${excused}\nALTER TABLE teams.teams DROP COLUMN m;`)).toEqual(['20270101000000_m:4 ban-drop-column'])
})

test('an exception without a reason, one that excuses nothing, and squawk’s own are refused', async () => {
  const short = '-- plinth: allow ban-drop-column: needed\nALTER TABLE teams.teams DROP COLUMN n'
  const idle = '-- plinth: allow ban-drop-table: nobody has read it for long\nALTER TABLE teams.teams ADD COLUMN n text'
  const foreign = '-- squawk-ignore ban-drop-column\nALTER TABLE teams.teams DROP COLUMN n'
  expect(await lintMigrations(folderOf(short, idle, foreign))).toEqual([
    '20270101000000_m:2 exception: say why: -- plinth: allow ban-drop-column: <the reason>.',
    '20270101000001_m:2 exception: nothing here breaks ban-drop-table.',
    '20270101000002_m:1 exception: squawk-ignore says no reason: -- plinth: allow <rule>: <the reason>.',
  ])
})
