import { expect, test } from 'vitest'
import { doubtsAbout } from './config-doubts.ts'
import { readConfig } from './config.ts'

const production = {
  DATABASE_URL: 'postgresql://localhost/plinth',
  PLINTH_SECRET: 'x'.repeat(32),
  PUBLIC_URL: 'https://plinth.example.com',
  MAIL_URL: 'smtp://mail.example.com',
}
const doubts = (variables: Record<string, string>) =>
  doubtsAbout(readConfig({ ...production, ...variables })).map((doubt) => doubt.split(' ')[0])

test('a production that was set up raises no doubt, and neither does any development', () => {
  expect(doubts({})).toEqual([])
  expect(doubts({ NODE_ENV: 'development', PUBLIC_URL: '', MAIL_URL: '', SIGN_IN_LIMIT: 'off' })).toEqual([])
})

test('what is left as it is out of the box, or was meant for a test, is said at the start of a production', () => {
  expect(doubts({ MAIL_URL: '' })).toEqual(['MAIL_URL'])
  expect(doubts({ SIGN_IN_LIMIT: 'off' })).toEqual(['SIGN_IN_LIMIT'])
  expect(doubts({ GOOGLE_CLIENT_ID: 'x' })).toEqual(['GOOGLE_CLIENT_ID'])
  expect(doubts({ GITHUB_CLIENT_ID: 'x', GITHUB_CLIENT_SECRET: 'y' })).toEqual([])
  expect(doubts({ PUBLIC_URL: '' })).toEqual(['PUBLIC_URL', 'PUBLIC_URL'])
  for (const PUBLIC_URL of ['https://127.0.0.1', 'https://[::1]:3000', 'http://plinth.home'])
    expect(doubts({ PUBLIC_URL })).toEqual(['PUBLIC_URL'])
})
