import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { closeBreachedPasswords, isBreached, useBreachedPasswords } from './breached-passwords.ts'

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex').toUpperCase()
const known = Array.from({ length: 400 }, (_, index) => `known password number ${index}`)
const lines = known.map((password, index) => `${sha1(password)}:${(index * 7919) % 30_000_000}`).toSorted()

let folder: string
const listOf = async (name: string, text: string) => {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-breached-'))
})
afterAll(async () => {
  await closeBreachedPasswords()
  await rm(folder, { recursive: true })
})

describe('a list of breached passwords', () => {
  test.each([
    ['as it is downloaded', lines.join('\r\n')],
    ['with line feeds alone, and one at the end', `${lines.join('\n')}\n`],
    ['without counts, in lower case', `${lines.map((line) => line.slice(0, 40).toLowerCase()).join('\n')}\n`],
  ])('%s, tells every password that is in it, and no other', async (_, text) => {
    await useBreachedPasswords(await listOf('list.txt', text))
    for (const password of known) expect([password, await isBreached(password)]).toEqual([password, true])
    for (const password of known) expect([password, await isBreached(`${password}!`)]).toEqual([password, false])
  })

  test('of one line is a list', async () => {
    await useBreachedPasswords(await listOf('one.txt', `${sha1('the only one of all')}:1`))
    expect([await isBreached('the only one of all'), await isBreached('another one of all')]).toEqual([true, false])
  })

  test('knows a password by the form in which it is hashed, too', async () => {
    await useBreachedPasswords(await listOf('form.txt', `${sha1('file number fifteen')}:1`))
    expect(await isBreached('ﬁle number fifteen')).toBe(true)
  })

  test('that is not there means that no password is breached', async () => {
    await useBreachedPasswords(undefined)
    expect(await isBreached(known[0] ?? '')).toBe(false)
  })

  test('that is missing, empty or something else is refused at the start by the name of its variable', async () => {
    for (const path of [join(folder, 'missing.txt'), await listOf('empty.txt', ''), await listOf('words.txt', 'password\nletmein\n')]) {
      await expect(useBreachedPasswords(path)).rejects.toThrow(/^BREACHED_PASSWORDS_FILE /)
    }
  })
})
