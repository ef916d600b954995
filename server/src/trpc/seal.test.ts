import { initTRPC, type AnyTRPCProcedure, type AnyTRPCRouter } from '@trpc/server'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { staleFiles } from '../../dev/access.ts'
import { appRouter } from '../router.ts'
import { anyone, inTeam, Nothing, router } from './procedures.ts'
import { definitionOf, seal } from './seal.ts'

const procedures = Object.entries<AnyTRPCProcedure>((appRouter as AnyTRPCRouter)._def.procedures)

describe('every procedure of the router', () => {
  test.each(procedures)('%s says who may call it, what goes in and what comes out', (_name, procedure) => {
    const { meta, inputs, output } = definitionOf(procedure)
    expect(meta?.access).toMatch(/\w/)
    expect(inputs.length).toBeGreaterThan(0)
    expect(output).toBeDefined()
  })

  test.each(procedures.filter(([, procedure]) => definitionOf(procedure).type === 'mutation'))(
    '%s refuses unknown keys',
    (_name, procedure) => {
      const own = definitionOf(procedure).inputs.at(-1) as z.ZodType
      // Of a union each kind by itself: without its discriminator it does not look at the keys.
      const kinds = own instanceof z.ZodDiscriminatedUnion ? (own.options as z.ZodType[]) : [own]
      for (const kind of kinds) {
        const issues = kind.safeParse({ surelyUnknown: true }).error?.issues ?? []
        expect(issues.some(({ code }) => code === 'unrecognized_keys') || own === Nothing).toBe(true)
      }
    },
  )

  test.each(procedures)(
    '%s gives what JSON can show: its output has no transformation, so that a stored result stays what it is',
    (_name, procedure) => {
      const { output } = definitionOf(procedure)
      const schema = output && 'item' in output ? (output.item as z.ZodType) : output
      const shown = z.toJSONSchema(schema as z.ZodType, {
        io: 'output',
        override: ({ zodSchema, jsonSchema }) => void (zodSchema._zod.def.type === 'date' && (jsonSchema.type = 'string')),
        unrepresentable: 'any',
      })
      expect(shown).toBeDefined()
      expect(JSON.stringify(z.toJSONSchema(schema as z.ZodType, { io: 'input', unrepresentable: 'any' }))).not.toContain('"pipe"')
    },
  )

  test('stands in docs/access.md and in the client as it is: `node server/dev/access.ts` writes them', () => {
    expect(staleFiles()).toEqual([])
  })
})

describe('the router refuses to start', () => {
  const bare = initTRPC.create().procedure

  test.each<[what: string, record: () => object, fault: RegExp]>([
    [
      'a procedure without a door',
      () => ({
        a: {
          b: bare
            .input(Nothing)
            .output(z.null())
            .query(() => null),
        },
      }),
      /a\.b is not built from a door/,
    ],
    ['a procedure without an input', () => ({ a: anyone.output(z.null()).query(() => null) }), /a has no \.input\(\)/],
    [
      'an input that lets unknown keys pass',
      () => ({
        a: anyone
          .input(z.object({ b: z.string() }))
          .output(z.null())
          .query(() => null),
      }),
      /a has no \.input\(\)/,
    ],
    ['a procedure without an output', () => ({ a: anyone.input(Nothing).query(() => null) }), /a has no \.output\(\)/],
    [
      'a query that takes files',
      () => ({
        a: anyone
          .meta({ files: true })
          .input(Nothing)
          .output(z.null())
          .query(() => null),
      }),
      /a takes files/,
    ],
    ['a door’s input without one of its own', () => ({ a: inTeam.output(z.null()).query(() => null) }), /a has no \.input\(\)/],
  ])('with %s', (_what, record, fault) => {
    expect(() => seal(record())).toThrow(fault)
    expect(() => router(record() as Parameters<typeof router>[0])).toThrow(fault)
  })
})
