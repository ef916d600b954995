import { expect, test } from 'vitest'
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
