import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
// As deep as the schemas of the tests, and beside them: whoever copies or generates these meanwhile would take it along.
const place = '.plinth/test/generate'
mkdirSync(join(root, place), { recursive: true })
const folder = mkdtempSync(join(root, place, 'schema-'))
afterAll(() => rmSync(folder, { recursive: true }))

const within = `${place}/${basename(folder)}`
const schema = readFileSync(join(root, 'server/test/fixtures/strict-arguments/schema.prisma'), 'utf8')
const made = ['client.ts', 'metadata.ts', 'models.ts', '.stamp'].map((file) => join(folder, 'generated', file))

/** Generates in a process of its own. Gives its exit code. */
async function generate(): Promise<unknown> {
  const code = `import { generate } from ${JSON.stringify(join(import.meta.dirname, 'generate.ts'))}
    generate(${JSON.stringify(within)}, ${JSON.stringify(`${within}/generated`)})`
  const [exit] = await once(spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' }), 'exit')
  return exit
}

test('what is generated is there all the while it is made anew, also by two at once', { retry: 3, timeout: 60_000 }, async () => {
  writeFileSync(join(folder, 'schema.prisma'), schema)
  expect(await generate()).toBe(0)
  const before = readFileSync(made[3] ?? '', 'utf8')
  writeFileSync(join(folder, 'schema.prisma'), `${schema}\n/// Changed.\n`)
  let missingMs = 0
  const watch = setInterval(() => (missingMs += made.every((file) => existsSync(file)) ? 0 : 5), 5)
  expect(await Promise.all([generate(), generate()])).toEqual([0, 0])
  clearInterval(watch)
  // Between the two renames there is a moment; it took seconds where the folder was emptied first.
  expect(missingMs).toBeLessThan(100)
  expect(readFileSync(made[3] ?? '', 'utf8')).not.toBe(before)
})

test('an invalid schema leaves what is there', async () => {
  writeFileSync(join(folder, 'schema.prisma'), `${schema}\nmodel Broken {`)
  expect(await generate()).not.toBe(0)
  expect(made.every((file) => existsSync(file))).toBe(true)
}, 60_000)
