import { expect, test } from 'vitest'
import { withoutValues } from './plain-message.ts'

test.each<[string, string]>([
  ['550 no such user <anna@example.com>', '550 no such user <[email]>'],
  ['Key (email)=(anna@example.com) already exists.', 'Key [value] already exists.'],
  ['invalid input syntax for type uuid: "4711 Main Street"', 'invalid input syntax for type uuid: [value]'],
  ['duplicate key value violates unique constraint "users_email_key"', 'duplicate key value violates unique constraint "users_email_key"'],
  ['column "motto" of relation "teams" does not exist', 'column "motto" of relation "teams" does not exist'],
  ["Cannot read properties of undefined (reading 'slug')", "Cannot read properties of undefined (reading 'slug')"],
  ['connect ECONNREFUSED 10.11.12.13:5432', 'connect ECONNREFUSED [address]:5432'],
  ['connect ETIMEDOUT 2001:db8:0:0:1:0:0:1', 'connect ETIMEDOUT [address]'],
  ['the token Zm9vYmFyMTIzNDU2Nzg5MGFiY2Rl is unknown', 'the token [token] is unknown'],
  ['Unexpected token \'p\', "password=hunter2" is not valid JSON', 'Unexpected token [value], [value] is not valid JSON'],
  ['connect ECONNREFUSED 10.0.0.7:5432 password=hunter2', 'connect ECONNREFUSED [address]:5432 password=[value]'],
  ['called +436601234567', 'called +[number]'],
])('%s', (message, plain) => {
  expect(withoutValues(message)).toBe(plain)
})

test('a long text without end costs no time', () => {
  const begun = performance.now()
  for (const text of ['a@'.repeat(20_000), '('.repeat(40_000), 'a'.repeat(40_000), '"'.repeat(40_001), ':'.repeat(40_000)])
    withoutValues(text)
  expect(performance.now() - begun).toBeLessThan(2_000)
})
