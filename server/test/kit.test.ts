import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { query } from './database.ts'

test('two lines give a server and a person to any runner of tests, and nothing of it remains', async () => {
  const { url } = inject('postgres')
  const { code, output } = await run(['--test', join(import.meta.dirname, 'fixtures/kit/teams.ts')], { TEST_DATABASE_URL: url })
  expect(output).toContain('a slug is taken once')
  expect(code, output).toBe(0)
  expect(await query(url, "SELECT datname FROM pg_database WHERE datname LIKE 'plinth_kit_%'")).toEqual([])
}, 60_000)

async function run(args: readonly string[], env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number | null; output: string }>()
  const child = spawn(process.execPath, args, { env: { PATH: process.env['PATH'] ?? '', ...env } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.on('error', reject)
  child.on('close', (code) => resolve({ code, output }))
  return promise
}
