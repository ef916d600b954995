/** Describes the API as data: every procedure with its door, its input and its output as JSON Schema, and the errors. It is committed, so that a diff shows every change of it. */
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { z } from 'zod'
import * as ids from '../../src/lib/ids.ts'
import { statusOf } from '../../src/lib/errors.ts'
import { appRouter } from '../../src/router.ts'
import { definitionOf } from '../../src/trpc/seal.ts'
import { conflictReasons } from '../docstrings/errors.ts'
import type { Contract, Procedure, Schema } from './contract.ts'

const names = new Map<unknown, string>(Object.entries(ids).map(([name, schema]) => [schema, name]))

/** The contract of the server as it stands. */
export function describeApi(root: string): Contract {
  const all: Record<string, AnyTRPCProcedure> = (appRouter as AnyTRPCRouter)._def.procedures
  const procedures = Object.entries(all).map(([path, procedure]) => [path, describeProcedure(definitionOf(procedure))] as const)
  return {
    procedures: Object.fromEntries(procedures.toSorted(([a], [b]) => a.localeCompare(b, 'en'))),
    errors: { status: Object.fromEntries(Object.entries(statusOf).toSorted()), conflicts: conflictReasons(root) },
  }
}

function describeProcedure({ type, meta, inputs, output }: ReturnType<typeof definitionOf>): Procedure {
  const { access = 'nobody', ...marks } = meta ?? {}
  return {
    kind: type,
    access,
    ...marks,
    input: merged(inputs.map((schema) => describe(schema, 'input'))),
    output: describe(output, 'output'),
  }
}

/** A stream is described by one of its events. */
function describe(schema: unknown, io: 'input' | 'output'): Schema {
  const item = schema && typeof schema === 'object' && 'item' in schema ? schema.item : schema
  const json = z.toJSONSchema(item as z.ZodType, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => mark(zodSchema, jsonSchema),
  })
  const { $schema: _, ...rest } = json
  return rest as Schema
}

/** What JSON has no type for travels as what it is (client/src/transformer.ts): the type says so. */
function mark(schema: z.core.$ZodType, json: z.core.JSONSchema.BaseSchema): void {
  const { type } = schema._zod.def
  const name = names.get(schema)
  if (name) {
    json['x-type'] = name
    delete json.pattern
  }
  if (type === 'date') Object.assign(json, { type: 'string', format: 'date-time', 'x-type': 'Date' })
  if (type === 'bigint') Object.assign(json, { type: 'integer', 'x-type': 'bigint' })
  if (type === 'void' || type === 'undefined') Object.assign(json, { 'x-type': 'nothing' })
}

/** A procedure may take its input in parts, of which a door asks one: what counts is all of them together. */
function merged(parts: readonly Schema[]): Schema {
  const [first = {}, ...others] = parts
  return others.reduce<Schema>(
    (all, part) => ({
      ...part,
      properties: { ...all.properties, ...part.properties },
      required: [...new Set([...(all.required ?? []), ...(part.required ?? [])])],
    }),
    first,
  )
}
