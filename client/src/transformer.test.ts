import fc from 'fast-check'
import superjson, { type SuperJSONResult } from 'superjson'
import { describe, expect, test, vi } from 'vitest'
import { decode, encode } from './transformer.ts'
import { decodeUntrusted } from './untrusted.ts'

/**
 * What arrives of a payload. V8 14.6 (Node 26.10) now and then reads a key with an escape in it as another: of `[{"a":1,".":1},{"a":1,"\\\\":1}]`
 * the second object gets the key `.`. Such a round says nothing of the transformer, and is not counted.
 */
function wire(payload: SuperJSONResult): SuperJSONResult {
  const text = JSON.stringify(payload)
  const parsed: SuperJSONResult = JSON.parse(text)
  fc.pre(JSON.stringify(parsed) === text)
  return parsed
}

const key = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom('', '.', 'a.b', '\\', '\\.', '0', 'json', 'meta', 'values', '$', 'toString', 'hasOwnProperty'),
)

const leaf = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, undefined, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.date({ noInvalidDate: true }),
  fc.bigInt(),
)

const plain = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.sparseArray(tie('value'), { maxNumElements: 3, maxLength: 6, noTrailingHole: true }),
    fc.dictionary(key, tie('value'), { maxKeys: 5 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3, noNullPrototype: false }),
    fc.uniqueArray(fc.integer()).map((items) => new Set(items)),
    fc.array(fc.tuple(fc.string(), fc.integer())).map((items) => new Map(items)),
  ),
})).value

describe('the transformer', () => {
  test('gives back what superjson would give back, whoever of the two wrote and read it', () => {
    const fallback = vi.spyOn(superjson, 'serialize')
    let leftToSuperjson = 0
    fc.assert(
      fc.property(plain, (value) => {
        const reference = superjson.deserialize(wire(superjson.serialize(value)))
        fallback.mockClear()
        const encoded = encode(value)
        leftToSuperjson += fallback.mock.calls.length
        expect(superjson.deserialize(wire(encoded))).toStrictEqual(reference)
        expect(decode(wire(encoded))).toStrictEqual(reference)
        expect(decodeUntrusted(wire(encoded))).toStrictEqual(reference)
        expect(decodeUntrusted(wire(superjson.serialize(value)))).toStrictEqual(reference)
      }),
      { numRuns: 10_000 },
    )
    expect(leftToSuperjson).toBeGreaterThan(1_000)
    expect(leftToSuperjson).toBeLessThan(8_000)
  }, 120_000)

  test('refuses the keys that reach a prototype, as superjson does', () => {
    for (const name of ['__proto__', 'constructor', 'prototype']) {
      const value = JSON.parse(`{"a":[{"${name}":{"polluted":true}}]}`)
      expect(() => encode(value)).toThrow(/prototype pollution/)
      expect(() => superjson.serialize(value)).toThrow(/prototype pollution/)
    }
  })

  test('keeps a circle from running forever', () => {
    const circle: Record<string, unknown> = { at: new Date(0) }
    circle['self'] = circle
    const back = decode(wire(encode(circle)))
    expect(back).toMatchObject({ at: new Date(0) })
  })

  test('leaves the value alone', () => {
    const value = Object.freeze({ list: Object.freeze([Object.freeze({ count: 1n, none: undefined, at: new Date(0) })]) })
    expect(decode(wire(encode(value)))).toStrictEqual({ list: [{ count: 1n, none: undefined, at: new Date(0) }] })
    expect(value.list[0]?.count).toBe(1n)
  })
})
