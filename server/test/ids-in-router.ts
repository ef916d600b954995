/** The ids that procedures take: read from the schemas of their inputs, so that none of a new procedure is forgotten. */
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import type { z } from 'zod'
import * as ids from '#lib/ids.ts'
import { definitionOf } from '../src/trpc/seal.ts'

export type Brand = keyof typeof ids

/** A field of an input that takes an id. */
export interface IdField {
  readonly procedure: string
  readonly type: 'query' | 'mutation' | 'subscription'
  readonly access: string
  /** `response.id`: by its path in the input. */
  readonly field: string
  /** Null where it is named like an id and is none of lib/ids.ts. */
  readonly brand: Brand | null
}

/** Lists them, of every procedure. */
export function idFieldsOf(router: AnyTRPCRouter): IdField[] {
  return Object.entries<AnyTRPCProcedure>(router._def.procedures).flatMap(([procedure, built]) => {
    const { type, meta, inputs } = definitionOf(built)
    const found = new Map(inputs.flatMap((input) => idsIn(input as z.core.$ZodType, [])).map((each) => [each.field, each.brand]))
    return [...found].map(([field, brand]) => ({ procedure, type, access: meta?.access ?? '', field, brand }))
  })
}

const brands = Object.entries(ids) as [Brand, z.core.$ZodType][]

type Found = Pick<IdField, 'field' | 'brand'>

function idsIn(schema: z.core.$ZodType, path: readonly string[]): Found[] {
  const [brand] = brands.find(([, known]) => known === schema) ?? []
  const isNamedSo = /(?:^id|Ids?)$/.test(path.at(-1) ?? '')
  const inner = partsOf(schema).flatMap(([key, part]) => idsIn(part, key === null ? path : [...path, key]))
  if (inner.length === 0 && (brand || isNamedSo)) return [{ field: path.join('.'), brand: brand ?? null }]
  return inner
}

/** What a schema is made of: the fields of an object by their names, and what is wrapped, listed or one of several by none. */
function partsOf(schema: z.core.$ZodType): [string | null, z.core.$ZodType][] {
  const { shape, options, innerType, element, valueType, in: input } = schema._zod.def as Parts
  const wrapped = [innerType, element, valueType, input, ...(options ?? [])].filter((part) => part !== undefined)
  return [...Object.entries(shape ?? {}), ...wrapped.map((part): [null, z.core.$ZodType] => [null, part])]
}

interface Parts {
  readonly shape?: Record<string, z.core.$ZodType>
  readonly options?: readonly z.core.$ZodType[]
  readonly innerType?: z.core.$ZodType
  readonly element?: z.core.$ZodType
  readonly valueType?: z.core.$ZodType
  readonly in?: z.core.$ZodType
}
