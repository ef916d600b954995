import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { compareContracts, report } from './compare.ts'
import type { Contract, Procedure, Schema } from './contract.ts'

const Role = (...roles: string[]) => z.enum(roles)
const base = { kind: 'query', access: 'signed in', input: {}, output: {} } as const

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
  return z.toJSONSchema(schema, { io }) as Schema
}

function contract(procedure: Partial<Procedure> | null, conflicts: string[] = []): Contract {
  return { procedures: procedure ? { 'things.get': { ...base, ...procedure } } : {}, errors: { status: { CONFLICT: 409 }, conflicts } }
}

function changed(io: 'input' | 'output', before: z.ZodType, after: z.ZodType): string[] {
  const side = (schema: z.ZodType): Contract => contract({ [io]: schemaOf(schema, io) })
  return compareContracts(side(before), side(after)).map(
    ({ breaks, where, what }) => `${breaks ? 'breaks' : 'fine'}: ${where.replace('things.get ', '')} ${what}`,
  )
}

const one = (field: z.ZodType): z.ZodType => z.strictObject({ field })

describe('a change of what callers send', () => {
  test.each<[string, z.ZodType, z.ZodType, string]>([
    [
      'a field that is gone',
      z.strictObject({ a: z.string(), b: z.string() }),
      z.strictObject({ a: z.string() }),
      'breaks: input.b is gone',
    ],
    ['a new required field', z.strictObject({}), one(z.string()), 'breaks: input.field is new and required'],
    ['a new optional field', z.strictObject({}), one(z.string().optional()), 'fine: input.field is new'],
    ['a field that is required now', one(z.string().optional()), one(z.string()), 'breaks: input.field is required now'],
    ['a field that may be missing now', one(z.string()), one(z.string().optional()), 'fine: input.field may be missing now'],
    ['another type', one(z.string()), one(z.number()), 'breaks: input.field was a string and is a number'],
    ['null is no longer taken', one(z.string().nullable()), one(z.string()), 'breaks: input.field is never null any more'],
    ['null is taken', one(z.string()), one(z.string().nullable()), 'fine: input.field may be null'],
    ['a value of an enumeration is gone', one(Role('A', 'B')), one(Role('A')), 'breaks: input.field B is gone'],
    [
      'a value of an enumeration is new',
      one(Role('A')),
      one(Role('A', 'B')),
      'fine: input.field B is new: a switch over all is no longer complete',
    ],
    ['a string becomes an enumeration', one(z.string()), one(Role('A')), 'breaks: input.field takes only A'],
    [
      'a literal becomes one of two',
      one(z.literal('A')),
      one(z.union([z.literal('A'), z.literal('B')])),
      'fine: input.field B is new: a switch over all is no longer complete',
    ],
    ['a shorter text', one(z.string().max(80)), one(z.string().max(40)), 'breaks: input.field its maxLength was 80 and is 40'],
    ['a longer text', one(z.string().max(40)), one(z.string().max(80)), 'fine: input.field its maxLength was 40 and is 80'],
    ['a larger least number', one(z.number().min(1)), one(z.number().min(2)), 'breaks: input.field its minimum was 1 and is 2'],
    ['a new format', one(z.string()), one(z.url()), 'breaks: input.field its format was free and is uri'],
    ['a pattern that is lifted', one(z.string().regex(/a/)), one(z.string()), 'fine: input.field its pattern was a and is free'],
    ['another default', one(z.number().default(20)), one(z.number().default(50)), 'fine: input.field its default was 20 and is 50'],
    [
      'a union that lost a member',
      one(z.union([z.string(), z.number()])),
      one(z.string()),
      'breaks: input.field is never a number any more',
    ],
    [
      'unknown keys are refused',
      z.object({ a: z.string() }),
      z.strictObject({ a: z.string() }),
      'breaks: input takes no unknown keys any more',
    ],
    ['a list in place of one', one(z.string()), one(z.array(z.string())), 'breaks: input.field was a string and is an array'],
    [
      'a change deep inside',
      one(z.array(z.strictObject({ a: z.string() }))),
      one(z.array(z.strictObject({ a: z.number() }))),
      'breaks: input.field[].a was a string and is a number',
    ],
  ])('%s', (_, before, after, expected) => {
    expect(changed('input', before, after)).toEqual([expected])
  })
})

describe('a change of what callers get', () => {
  test.each<[string, z.ZodType, z.ZodType, string]>([
    ['a field that is gone', z.object({ a: z.string(), b: z.string() }), z.object({ a: z.string() }), 'breaks: output.b is gone'],
    ['a new field', z.object({}), z.object({ field: z.string() }), 'fine: output.field is new'],
    ['a field that may be missing now', one(z.string()), one(z.string().optional()), 'breaks: output.field may be missing now'],
    ['a field that is always there now', one(z.string().optional()), one(z.string()), 'fine: output.field is required now'],
    ['a field that may be null now', one(z.string()), one(z.string().nullable()), 'breaks: output.field may be null'],
    ['a field that is never null now', one(z.string().nullable()), one(z.string()), 'fine: output.field is never null any more'],
    [
      'a new value of an enumeration',
      one(Role('A')),
      one(Role('A', 'B')),
      'breaks: output.field B is new: a switch over all is no longer complete',
    ],
    ['a value of an enumeration that is gone', one(Role('A', 'B')), one(Role('A')), 'fine: output.field B is gone'],
    ['an enumeration becomes a string', one(Role('A')), one(z.string()), 'breaks: output.field is no longer one of A'],
    ['another type', one(z.string()), one(z.boolean()), 'breaks: output.field was a string and is a boolean'],
    ['another limit', one(z.string().max(3)), one(z.string().max(5)), ''],
    ['a union with one more member', one(z.string()), one(z.union([z.string(), z.number()])), 'breaks: output.field may be a number'],
    [
      'an event of one more kind',
      z.discriminatedUnion('name', [z.object({ name: z.literal('a') })]),
      z.discriminatedUnion('name', [z.object({ name: z.literal('a') }), z.object({ name: z.literal('b') })]),
      'breaks: output may be an object with name "b"',
    ],
    [
      'a list becomes a record',
      one(z.array(z.string())),
      one(z.record(z.string(), z.string())),
      'breaks: output.field was an array and is an object',
    ],
    [
      'the values of a record change',
      one(z.record(z.string(), z.string())),
      one(z.record(z.string(), z.number())),
      'breaks: output.field[key] was a string and is a number',
    ],
    [
      'a pair becomes a triple',
      one(z.tuple([z.string(), z.string()])),
      one(z.tuple([z.string(), z.string(), z.string()])),
      'breaks: output.field had 2 fixed places and has 3',
    ],
  ])('%s', (_, before, after, expected) => {
    expect(changed('output', before, after)).toEqual(expected ? [expected] : [])
  })

  test('a Date that becomes a string is another type, though both are strings in JSON', () => {
    const at = (schema: Schema): Contract => contract({ output: { type: 'object', properties: { at: schema } } })
    const changes = compareContracts(
      at({ type: 'string', format: 'date-time', 'x-type': 'Date' }),
      at({ type: 'string', format: 'date-time' }),
    )
    expect(changes).toEqual([{ breaks: true, where: 'things.get output.at', what: 'was a Date and is a string' }])
  })
})

describe('a change of a procedure', () => {
  test.each<[string, Partial<Procedure> | null, Partial<Procedure> | null, boolean, string]>([
    ['it is gone', {}, null, true, 'is gone'],
    ['it is new', null, {}, false, 'is new'],
    ['a query becomes a mutation', { kind: 'query' }, { kind: 'mutation' }, true, 'was a query and is a mutation'],
    ['fewer may call it', { access: 'anyone' }, { access: 'signed in' }, true, 'was for "anyone" and is for "signed in"'],
    ['everybody may call it', { access: 'signed in' }, { access: 'anyone' }, false, 'was for "signed in" and is for "anyone"'],
    ['it sets cookies now', {}, { cookies: true }, true, 'travels otherwise (cookies): a client made before does not know'],
    ['its result is a secret now', {}, { secret: true }, false, 'its result is no longer kept for a repeated call'],
  ])('%s', (_, before, after, breaks, what) => {
    expect(compareContracts(contract(before), contract(after))).toEqual([{ breaks, where: 'things.get', what }])
  })
})

describe('a change of the errors', () => {
  test('one more reason breaks who switches over all of them, one fewer does not', () => {
    const [added, gone] = [
      compareContracts(contract({}, ['A']), contract({}, ['A', 'B'])),
      compareContracts(contract({}, ['A', 'B']), contract({}, ['A'])),
    ]
    expect([added[0]?.breaks, gone[0]?.breaks]).toEqual([true, false])
  })
})

describe('the report', () => {
  test('says first what breaks, and says so when nothing does', () => {
    const [before, after] = [
      contract({ access: 'a' }),
      contract({ access: 'anyone', input: schemaOf(z.object({ a: z.string() }), 'input') }),
    ]
    expect(report(compareContracts(before, after))).toContain('Breaks')
    expect(report(compareContracts(contract({ access: 'a' }), contract({ access: 'anyone' })))).toMatch(
      /^Breaks no caller\.\nChanged without breaking \(1\):/,
    )
    expect(report([])).toBe('The API is the same.')
  })
})
