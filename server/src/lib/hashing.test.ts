import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { hashesAtOnce, hashInLine } from './hashing.ts'
import { hashPassword, verifyPassword } from './password-hash.ts'

/** How nice each thread of this process is: the 19th field of its line in /proc. */
function nicenesses(): number[] {
  return readdirSync('/proc/self/task').map((id) => {
    const [, fields = ''] = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ')
    return Number(fields.split(' ')[16])
  })
}

test.runIf(process.platform === 'linux')('whoever else wants the core goes before a hash, and no other thread gives way', async () => {
  const before = nicenesses().filter((nice) => nice > 0)
  await Promise.all(Array.from({ length: 8 }, () => hashPassword('a quiet place by the sea')))
  const nice = nicenesses().filter((each) => each > 0)
  expect(before).toEqual([])
  expect(nice).toEqual(Array(hashesAtOnce).fill(10))
})

test('the event loop goes on while a password is hashed', async () => {
  let turns = 0
  const timer = setInterval(() => (turns += 1), 1)
  await Promise.all(Array.from({ length: 4 }, () => hashPassword('a quiet place by the sea')))
  clearInterval(timer)
  expect(turns).toBeGreaterThan(8)
})

test('what is no hash is refused, and those behind it in line are served', async () => {
  const broken = hashInLine({ kind: 'VERIFY', password: 'x', hash: 'no hash' })
  const behind = hashPassword('a quiet place by the sea')
  await expect(broken).rejects.toThrow()
  expect(await verifyPassword(await behind, 'a quiet place by the sea')).toBe(true)
})

test('a process that has hashed ends when it has nothing more to do', async () => {
  const program = `import { hashPassword } from ${JSON.stringify(new URL('./password-hash.ts', import.meta.url).href)}
    console.log((await hashPassword('a quiet place by the sea')).slice(0, 10))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { timeout: 30_000 })
  expect(stdout.trim()).toBe('$argon2id$')
})
