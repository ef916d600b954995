import fc from 'fast-check'
import superjson, { type SuperJSONResult } from 'superjson'
import { describe, expect, test } from 'vitest'
import { decodeUntrusted } from './untrusted.ts'

const annotated = (json: unknown, values: unknown) => ({ json, meta: { values, v: 1 } }) as SuperJSONResult

/** How long it takes at most to decode or to refuse: what is a matter of microseconds is not one of seconds. */
function quickly(payload: SuperJSONResult): unknown {
  const start = performance.now()
  try {
    return decodeUntrusted(payload)
  } catch (error) {
    return error
  } finally {
    expect(performance.now() - start).toBeLessThan(200)
  }
}

describe('what a stranger sent', () => {
  test('is decoded where it holds what inputs are made of', () => {
    const value = {
      at: new Date(0),
      big: -(10n ** 40n),
      none: undefined,
      not: Number.NaN,
      'a.b\\c': [-0, new Set([1n]), new Map([[1n, {}]])],
    }
    expect(decodeUntrusted(JSON.parse(superjson.stringify(value)))).toStrictEqual(value)
    expect(decodeUntrusted(JSON.parse(superjson.stringify(new Date(0))))).toStrictEqual(new Date(0))
    expect(decodeUntrusted(JSON.parse('{}'))).toBeUndefined()
  })

  test('cannot be folded from a small body into an enormous structure', () => {
    const levels = 60
    const json = Object.fromEntries(Array.from({ length: levels }, (_, level) => [`l${level}`, [0, 0]]))
    const referentialEqualities = Object.fromEntries(
      Array.from({ length: levels - 1 }, (_, level) => [`l${level}`, [`l${level + 1}.0`, `l${level + 1}.1`]]),
    )
    expect(decodeUntrusted({ json: { ...json }, meta: { referentialEqualities, v: 1 } } as SuperJSONResult)).toStrictEqual(json)
  })

  test.each<[string, unknown, unknown]>([
    ['a typed array at the root', 100_000_000, [['typed-array', 'Uint8Array']]],
    ['a typed array in a field', { text: 100_000_000 }, { text: [['typed-array', 'Uint8Array']] }],
    ['a typed array within a list that becomes a set', [100_000_000], ['set', { '0': [['typed-array', 'Float64Array']] }]],
    ['a kind that is a list of an allowed one', { text: '1' }, { text: [['bigint']] }],
    ['a symbol', { text: 'a' }, { text: [['symbol', 'a']] }],
    ['an instance of a class', { text: {} }, { text: [['class', 'Object']] }],
    ['a custom value', { text: {} }, { text: [['custom', 'x']] }],
    ['an Error', { text: { name: 'x', message: 'y' } }, { text: ['Error'] }],
    ['a regular expression', { text: '/(a+)+$/' }, { text: ['regexp'] }],
    ['a URL', { text: 'http://a' }, { text: ['URL'] }],
    ['a method of every object', { text: 'a' }, { text: ['toString'] }],
    ['a list that becomes endless by an index', { members: [] }, { 'members.4294967294': ['undefined'] }],
    ['a list that becomes endless by its length', { members: [null] }, { 'members.length': ['undefined'] }],
    ['a place that is not there', {}, { nowhere: ['undefined'] }],
    ['a place within a text', { text: 'abc' }, { 'text.0': ['undefined'] }],
    ['a place within what was turned already', { at: [['a', null]] }, { at: ['map'], 'at.0.1': ['undefined'] }],
    ['an index in another spelling', [null], { '00': ['undefined'] }],
    ['a path that is half escaped', { 'a\\': null }, { 'a\\': ['undefined'] }],
    ['a bigint of 60,000 digits', { text: '9'.repeat(60_000) }, { text: ['bigint'] }],
    ['a bigint that is none', { text: '0x10' }, { text: ['bigint'] }],
    ['a Date of a number', { text: 0 }, { text: ['Date'] }],
    ['a number that JSON knows', { text: '1e5' }, { text: ['number'] }],
    ['a Map of no entries', { text: [1] }, { text: ['map'] }],
    ['a Set of a text', { text: 'abc' }, { text: ['set'] }],
    ['undefined for something', { text: 'a' }, { text: ['undefined'] }],
    ['annotations that are no list', { text: 'a' }, 7],
    ['annotations that are an empty list', { text: 'a' }, []],
    ['an annotation of three parts', { text: null }, { text: ['undefined', {}, {}] }],
    ['an annotation that is a text', { text: 'a' }, { text: 'Date' }],
  ])('is refused at once: %s', (_what, json, values) => {
    expect(quickly(annotated(json, values))).toBeInstanceOf(Error)
  })

  test.each([
    ['lists', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
    ['records', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['65 lists', `${'['.repeat(66)}${']'.repeat(66)}`],
  ])('is refused at once when it is deep: %s', (_what, json) => {
    expect(quickly({ json: JSON.parse(json) })).toBeInstanceOf(Error)
  })

  test('is refused at once when its annotations are deep', () => {
    const values = JSON.parse(`${'["set",{"0":'.repeat(5_000)}["set"]${'}]'.repeat(5_000)}`)
    expect(quickly(annotated([], values))).toBeInstanceOf(Error)
    expect(quickly(annotated({ a: 1 }, { ['a.'.repeat(30_000)]: ['undefined'] }))).toBeInstanceOf(Error)
  })

  test.each(['__proto__.polluted', 'constructor.prototype.polluted', 'a.__proto__.polluted', '__proto__', 'a.__proto__'])(
    'pollutes nothing by an annotation on %s',
    (path) => {
      expect(() => decodeUntrusted(annotated({ a: {} }, { [path]: ['undefined'] }))).toThrow()
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    },
  )

  test.each(['__proto__', 'constructor', 'prototype'])('never has a key named %s', (name) => {
    expect(() => decodeUntrusted(JSON.parse(`{"json":{"a":[{"${name}":{"polluted":true}}]}}`))).toThrow()
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('comes out no larger than it was, however it is annotated', () => {
    const place = fc.constantFrom('', '0', '1', 'a', 'a.0', 'a.1.b', 'length', '4294967294', 'a.4294967294', '__proto__', '0.0')
    const kind = fc.constantFrom<unknown>('Date', 'bigint', 'undefined', 'number', 'set', 'map', ['typed-array', 'Int8Array'])
    const leaf = fc.oneof(
      kind.map((type) => [type]),
      fc.tuple(
        kind,
        fc.dictionary(
          place,
          kind.map((type) => [type]),
          { maxKeys: 3 },
        ),
      ),
    )
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.oneof(leaf, fc.dictionary(place, leaf, { maxKeys: 4 })), (json, values) => {
        const length = JSON.stringify(json).length
        const decoded = quickly(annotated(structuredClone(json), values))
        if (decoded instanceof Error) return
        expect(superjson.stringify(decoded).length).toBeLessThan(20 * length + 200)
      }),
      { numRuns: 3_000 },
    )
  })
})
