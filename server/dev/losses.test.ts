import pg from 'pg'
import { expect, test } from 'vitest'
import { createEmptyDatabase } from '../test/database.ts'
import { lossesOf } from './losses.ts'

test('a migration that drops, requires or retypes says how many rows that concerns, and nothing of what is empty', async () => {
  await using database = await createEmptyDatabase()
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(
    `CREATE SCHEMA s; CREATE TABLE s.full_ (a int, b text, c text); INSERT INTO s.full_ VALUES (1, 'x', NULL), (2, NULL, NULL); CREATE TABLE s.empty (a int, b int)`,
  )
  const sql = `
    ALTER TABLE "s"."full_" DROP COLUMN "b",
    DROP COLUMN "c",
    ADD COLUMN     "d" TEXT NOT NULL,
    ADD COLUMN     "e" TEXT NOT NULL DEFAULT '',
    ALTER COLUMN "b" SET NOT NULL,
    ALTER COLUMN "a" SET DATA TYPE BIGINT;
    ALTER TABLE "s"."empty" DROP COLUMN "b", ADD COLUMN "c" INT NOT NULL;
    DROP TABLE "s"."empty";
    -- DROP TABLE "s"."nothing"
    DROP TABLE "s"."full_";`
  expect(await lossesOf(client, sql)).toEqual([
    'drops b of s.full_, where 1 row has a value',
    'cannot add d to s.full_: 2 rows have no value for it; add it as optional, fill it, then require it',
    'cannot require b of s.full_: 1 row has none; fill it first',
    'changes the type of a of s.full_, where 2 rows have a value, and rewrites the table',
    'drops the table s.full_: 2 rows have to go with it',
  ])
  await client.end()
})
