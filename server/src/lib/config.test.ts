import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readConfig } from './config.ts'

const enough = { DATABASE_URL: 'postgresql://a@b/c', PLINTH_SECRET: 'x'.repeat(32) }
const faultOf = (variables: Record<string, string>): string => {
  try {
    readConfig({ ...enough, ...variables })
    return 'none'
  } catch (error) {
    return (error as Error).message
  }
}

test('a wrong variable is named with its fault in one sentence, and its value is not told', () => {
  expect(faultOf({ PORT: '99999' })).toBe('PORT is more than 65535.')
  expect(faultOf({ PORT: 'http' })).toBe('PORT is not a whole number.')
  expect(faultOf({ DRAIN_MS: '1.5' })).toBe('DRAIN_MS is not a whole number.')
  expect(faultOf({ POOL_MAX: '0' })).toBe('POOL_MAX is less than 1.')
  expect(faultOf({ NODE_ENV: 'prod' })).toBe('NODE_ENV is none of development, test, production.')
  expect(faultOf({ DATABASE_URL: 'mysql://a:secret@b/c' })).toBe(
    'DATABASE_URL is not a PostgreSQL URL like postgresql://user:password@host:5432/name.',
  )
  expect(faultOf({ DATABASE_ROLE: 'a role' })).toBe('DATABASE_ROLE is not the name of a role.')
})

test('a variable that is missing or empty is told with what it is for', () => {
  expect(faultOf({ DATABASE_URL: '' })).toBe('DATABASE_URL is not set: the database.')
})

test('every fault is told at once', () => {
  expect(faultOf({ PORT: 'x', PLINTH_SECRET: 'short' }).split('\n')).toHaveLength(2)
})

test('what is left out has its default', () => {
  expect(readConfig({ ...enough, PREPARED_STATEMENTS: 'off', ALLOWED_ORIGINS: ' https://a.example, https://b.example ' })).toMatchObject({
    PORT: 3000,
    NODE_ENV: 'production',
    PREPARED_STATEMENTS: false,
    ALLOWED_ORIGINS: ['https://a.example', 'https://b.example'],
    SIGN_IN_LIMIT: true,
  })
})

test('a variable may come from a file, without the line break at its end', () => {
  const file = fileWith(`${'s'.repeat(40)}\n`)
  const variables = { DATABASE_URL: enough.DATABASE_URL, PLINTH_SECRET_FILE: file, MAIL_FROM_FILE: '' }
  expect(readConfig(variables)).toMatchObject({ PLINTH_SECRET: 's'.repeat(40), MAIL_FROM: 'Plinth <plinth@localhost>' })
})

test('a file that is missing, or stands beside the variable itself, is told by name and nothing of its content; an empty one does not count', () => {
  const missing = join(tmpdir(), 'plinth-no-such-file')
  expect(faultOf({ MAIL_URL_FILE: missing })).toBe('MAIL_URL_FILE names a file that cannot be read (ENOENT).')
  expect(faultOf({ MAIL_URL_FILE: fileWith('\n') })).toBe('none')
  expect(faultOf({ PLINTH_SECRET_FILE: fileWith('x') })).toBe('PLINTH_SECRET and PLINTH_SECRET_FILE are both set: leave one out.')
  expect(faultOf({ PLINTH_SECRET: '', PLINTH_SECRET_FILE: fileWith('told to nobody') })).toMatch(/^PLINTH_SECRET needs at least 32/)
})

function fileWith(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-config-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'value'), content)
  return join(folder, 'value')
}

test('providers are read from JSON, and what is wrong with them is told without a secret', () => {
  const company = { id: 'company', name: 'Company', issuer: 'https://id.example.com', clientId: 'plinth', clientSecret: 'hush' }
  const said = 'OIDC_PROVIDERS is not a JSON list of providers with id, name, issuer, clientId and clientSecret'
  const faultIn = (value: unknown) => faultOf({ OIDC_PROVIDERS: JSON.stringify(value) })
  expect(readConfig({ ...enough, OIDC_PROVIDERS: JSON.stringify([company]) }).OIDC_PROVIDERS).toEqual([
    { ...company, scope: 'openid email profile' },
  ])
  expect(faultOf({ OIDC_PROVIDERS: '[{' })).toBe(`${said}.`)
  expect(faultIn([{ ...company, id: 'google' }])).toBe(`${said}: look at 0.id.`)
  expect(faultIn([{ ...company, issuer: 'file:///etc/passwd' }])).toBe(`${said}: look at 0.issuer.`)
  expect(faultIn([{ ...company, secret: 'hush' }])).toBe(`${said}: look at 0.`)
  expect(faultIn([company, company])).toBe(`${said}.`)
  expect(faultIn([{ ...company, scope: 'email' }])).toBe(`${said}: look at 0.scope.`)
})

test('a key that seals has an id of its own: not that of the key which PLINTH_SECRET makes, nor that of another', () => {
  const [one, other] = ['k'.repeat(32), 'o'.repeat(32)]
  const usesDerived =
    'PLINTH_SEALING_KEYS uses the id 0, which is that of the key that PLINTH_SECRET makes: what that sealed would open no more.'
  expect(faultOf({ PLINTH_SEALING_KEYS: `0:${one}` })).toBe(usesDerived)
  expect(faultOf({ PLINTH_SEALING_KEYS: `1:${one},0:${other}` })).toBe(usesDerived)
  expect(faultOf({ PLINTH_SEALING_KEYS: `1:${one},2:${one},1:${other}` })).toBe(
    'PLINTH_SEALING_KEYS uses an id twice: what one key sealed the other does not open.',
  )
  expect(faultOf({ PLINTH_SEALING_KEYS: '0:short' })).toBe(
    'PLINTH_SEALING_KEYS is not a list like 2:secret,1:secret with secrets of at least 32 characters.',
  )
  expect(faultOf({ PLINTH_SEALING_KEYS: `2:${one},1:${one},00:${other}` })).toBe('none')
})
