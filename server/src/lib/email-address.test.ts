import { expect, test } from 'vitest'
import { EmailAddress } from './email-address.ts'

const read = (address: unknown): string | null => EmailAddress.safeParse(address).data ?? null

test('case is no difference between two addresses', () => {
  expect(read('ADMIN@EXAMPLE.COM')).toBe('admin@example.com')
})

test('A12 a look-alike spelling becomes the plain address before it is validated, or is refused: nothing else is ever stored', () => {
  expect(read('\uff41\uff44\uff4d\uff49\uff4e@example.com')).toBe('admin@example.com')
  expect(read('admin\uff20example.com')).toBe('admin@example.com')
  expect(read('\u212Aim@example.com')).toBe('kim@example.com')
  const refused = [
    '\u0130van@example.com', // dotted capital I
    'ad\u200bmin@example.com', // zero-width space
    'admin@example.com.',
    '"admin"@example.com',
    'a@b@example.com',
    'a\uff20b@example.com@example.org',
    'admin@ex\u0430mple.com', // Cyrillic a
    'admin@example\u3002com\u3002',
    'admin@[127.0.0.1]',
    'admin(comment)@example.com',
    'admin@localhost',
    '.admin@example.com',
    'ad..min@example.com',
    'admin@-example.com',
    ' admin@example.com',
    'admin@example.com,victim@example.com',
    '@example.com',
    'admin@',
    '',
  ]
  for (const address of refused) expect.soft(read(address), JSON.stringify(address)).toBeNull()
})

test('A13 tags and dots belong to the address', () => {
  expect(read('a+b@example.com')).toBe('a+b@example.com')
  expect(read('a.b@example.com')).toBe('a.b@example.com')
})

test('C17 an address never holds a line break, whatever it is made of', () => {
  for (const end of ['\r\nBcc: x@example.org', '\n', '\r', '\u2028', '\u0000', '%0d%0a ']) {
    expect.soft(read(`admin@example.com${end}`)).toBeNull()
    expect.soft(read(`admin${end}@example.com`)).toBeNull()
  }
})

test('an address is at most 254 characters, its local part at most 64', () => {
  expect(read(`${'a'.repeat(64)}@example.com`)).not.toBeNull()
  expect(read(`${'a'.repeat(65)}@example.com`)).toBeNull()
  expect(read(`a@${'b.'.repeat(130)}com`)).toBeNull()
})

test('the check takes linear time', () => {
  const started = performance.now()
  for (let i = 0; i < 100; i += 1) read(`${'a.'.repeat(31)}a@${'a-'.repeat(120)}!`)
  expect(performance.now() - started).toBeLessThan(2_000)
})
