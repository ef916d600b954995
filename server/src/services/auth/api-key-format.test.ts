import { expect, test } from 'vitest'
import { looksLikeApiKey, newApiKey, startsAsApiKey } from './api-key-format.ts'

test('a key has 256 bits, and no two are alike', () => {
  const keys = Array.from({ length: 1000 }, newApiKey)
  expect(new Set(keys).size).toBe(1000)
  expect(keys.every((key) => /^pln_k_[\w-]{49}$/.test(key) && looksLikeApiKey(key) && startsAsApiKey(key))).toBe(true)
})

test('one character more, less or other, or two that changed places, make it no key', () => {
  const key = newApiKey()
  const other = (char: string) => (char === 'A' ? 'B' : 'A')
  const spoiled = [...key].flatMap((char, i) => [
    key.slice(0, i) + other(char) + key.slice(i + 1),
    key.slice(0, i) + key.slice(i + 1),
    `${key.slice(0, i)}A${key.slice(i)}`,
    key.slice(0, i) + (key[i + 1] ?? '') + char + key.slice(i + 2),
  ])
  expect(spoiled.filter((each) => each !== key && looksLikeApiKey(each))).toEqual([])
  for (const text of ['', 'pln_k_', `${key} `, ` ${key}`, key.toLowerCase(), key.replace('pln_k_', 'pln_t_')])
    expect(looksLikeApiKey(text)).toBe(false)
})

test('a key that was made before is one still: the checksum is CRC-32 in base64url', () => {
  expect(looksLikeApiKey(`pln_k_${'A'.repeat(43)}wP0g5Q`)).toBe(true)
})
