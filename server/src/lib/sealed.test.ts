import { beforeEach, expect, test } from 'vitest'
import { isSealedByOldKey, openSecret, sealSecret, useSealingKeys } from './sealed.ts'
import { useSecret } from './secrets.ts'

const [first, second] = ['1:the first key of this installation', '2:the second key of this installation'].map((key) =>
  key.replaceAll(' ', '-'),
)

beforeEach(() => {
  useSecret('a secret for tests, 32 characters')
  useSealingKeys('')
})

test('what was sealed is opened, and is sealed differently each time', () => {
  const [a, b] = [sealSecret('eight lazy otters', 'totp:ada'), sealSecret('eight lazy otters', 'totp:ada')]
  expect(a).not.toBe(b)
  expect(a).not.toContain('otters')
  expect([openSecret(a, 'totp:ada'), openSecret(b, 'totp:ada')]).toEqual(['eight lazy otters', 'eight lazy otters'])
  expect(openSecret(sealSecret('', 'totp:ada'), 'totp:ada')).toBe('')
})

test('one secret cannot be given to another person, another purpose or another key', () => {
  useSealingKeys(`${first},${second}`)
  const sealed = sealSecret('eight lazy otters', 'totp:ada')
  for (const about of ['totp:bob', 'plex:ada', '']) expect(() => openSecret(sealed, about)).toThrow()
  expect(() => openSecret(sealed.replace('1.', '2.'), 'totp:ada')).toThrow()
})

test('a changed, cut or empty text is not opened', () => {
  const [id = '', text = ''] = sealSecret('eight lazy otters', 'totp:ada').split('.')
  const bytes = Buffer.from(text, 'base64url')
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(() => openSecret(`${id}.${changed.toString('base64url')}`, 'totp:ada')).toThrow()
  }
  for (const cut of ['', id, `${id}.`, `${id}.${text.slice(0, 20)}`, `${id}.${text.slice(0, -4)}`])
    expect(() => openSecret(cut, 'totp:ada')).toThrow()
})

test('keys are replaced while what the old ones sealed is still opened, that of PLINTH_SECRET too', () => {
  const derived = sealSecret('begun without', 'totp:ada')
  useSealingKeys(`${first}`)
  const old = sealSecret('eight lazy otters', 'totp:ada')
  useSealingKeys(`${second},${first}`)
  expect([openSecret(derived, 'totp:ada'), openSecret(old, 'totp:ada')]).toEqual(['begun without', 'eight lazy otters'])
  const renewed = sealSecret('eight lazy otters', 'totp:ada')
  expect([derived, old, renewed].map(isSealedByOldKey)).toEqual([true, true, false])
  useSealingKeys(`${second}`)
  expect(openSecret(renewed, 'totp:ada')).toBe('eight lazy otters')
  expect(() => openSecret(old, 'totp:ada')).toThrow('PLINTH_SEALING_KEYS has no key 1')
})
