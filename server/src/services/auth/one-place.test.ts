import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const folder = join(import.meta.dirname, '../..')
const sources = globSync('**/*.ts', { cwd: folder, exclude: ['**/generated/**', '**/*.test.ts'] }).map((file) => ({
  file: file.replaceAll('\\', '/'),
  text: readFileSync(join(folder, file), 'utf8'),
}))

function filesWith(pattern: RegExp): string[] {
  return sources.filter(({ text }) => pattern.test(text)).map(({ file }) => file)
}

test('one place mints sessions', () => {
  expect(filesWith(/\bsession\s*\.\s*(?:create|upsert)\w*\(|INSERT INTO auth\.sessions/)).toEqual(['services/auth/sessions.ts'])
})

test('one primitive uses a one-time token up, one a visit to a provider, and one a question to a passkey', () => {
  const places = ['services/auth/passkey-challenges.ts', 'services/auth/provider-attempts.ts', 'services/auth/tokens.ts']
  expect(filesWith(/data:\s*\{[^}]*\busedAt\b|SET\s+used_at/)).toEqual(places)
})

test('one place locks the account of whoever calls, and looks at their session with it', () => {
  expect(filesWith(/lock\('user', \{ id: actor\.userId/)).toEqual([])
  expect(filesWith(/\block\('session'/)).toEqual(['services/auth/caller.ts'])
})

test('one place writes passwords', () => {
  expect(filesWith(/\bpassword\s*\.\s*(?:create|upsert)\w*\(|INSERT INTO auth\.passwords/)).toEqual(['services/auth/account-password.ts'])
})
