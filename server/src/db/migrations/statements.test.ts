import { expect, test } from 'vitest'
import { statementsOf, withoutComments } from './statements.ts'

test('semicolons in strings, quoted names, dollar quotes and comments separate nothing', () => {
  const statements = [
    `INSERT INTO t VALUES ('a;b''c;')`,
    'CREATE TABLE "odd;name" (a int)',
    'CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END; $$',
    'CREATE FUNCTION g() RETURNS text LANGUAGE sql AS $body$ SELECT $$;$$ $body$',
    'SELECT 1 -- not here; nor here',
    '/* nor; /* inside */ here; */ SELECT 2',
    String.raw`SELECT E'\';', a$b$ FROM t`,
  ]
  expect(statementsOf(statements.map((statement) => `${statement}\n;\n`).join(''))).toEqual(statements)
})

test('a script that ends in comments has no empty statement', () => {
  expect(statementsOf('SELECT 1;\n-- the end\n/* truly */\n')).toEqual(['SELECT 1'])
})

test('comments are taken out of a statement, and nothing that merely looks like one', () => {
  expect(withoutComments(`-- why\nSELECT '--no', $$/* no */$$ /* yes */`)).toBe(`SELECT '--no', $$/* no */$$`)
})
