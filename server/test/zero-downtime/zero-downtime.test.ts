import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { lintMigrations } from '../../dev/migration-rules/lint.ts'
import { createTestDatabase } from '../database.ts'
import { renameUnderLoad } from './rename.ts'
import { table } from './table.ts'

const scripts = join(import.meta.dirname, 'rename')

// Two servers start and are written to all the while: on cores that others use it takes its time.
const patience = { timeout: 180_000 }

test('a column is renamed in three migrations while two releases answer: no request fails and no write is lost', patience, async () => {
  await using database = await createTestDatabase()
  const rates = { transactions: 100, statements: 360 }
  const outcome = await renameUnderLoad({ databaseUrl: database.ownerUrl, rows: 5_000, httpPerSecond: 40, rates, calmMs: 600 })
  console.log(table(outcome))
  expect(outcome.failures).toEqual([])
  expect(outcome.lost).toEqual([])
  expect(outcome.readAcross).toBeGreaterThan(0)
  expect(outcome.figures.filter(({ step, writes }) => step.startsWith('calm') && writes === 0)).toEqual([])
})

test('the three migrations keep the rules of this project, with their exceptions', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-rename-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const file of readdirSync(scripts)) {
    mkdirSync(join(folder, basename(file, '.sql')))
    cpSync(join(scripts, file), join(folder, basename(file, '.sql'), 'migration.sql'))
  }
  expect(await lintMigrations(folder)).toEqual([])
})

test('docs/migrations.md shows the three migrations as they run', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/migrations.md'), 'utf8')
  for (const file of readdirSync(scripts)) expect(page).toContain(readFileSync(join(scripts, file), 'utf8'))
})
