/** The last look at a router before it is used: a procedure that says too little does not start. */
import type { AnyTRPCMiddlewareFunction, AnyTRPCProcedure } from '@trpc/server'
import { z } from 'zod'
import { chained } from './chain.ts'
import type { Meta } from './procedures.ts'
import { runAsCall } from './mutation.ts'

/** The parts of a built procedure that tRPC keeps but does not declare. */
interface Definition {
  readonly type: 'query' | 'mutation' | 'subscription'
  readonly meta: Meta | undefined
  readonly inputs: readonly unknown[]
  readonly output: z.ZodType | undefined
  readonly middlewares: AnyTRPCMiddlewareFunction[]
}

const sealed = new WeakSet<object>()

/**
 * Refuses procedures without a door, an input or an output, and puts each mutation into its call in place of tRPC's own check of the
 * output, which would come after the commit. Then joins its steps into one (chain.ts).
 */
export function seal(record: object, path: readonly string[] = []): void {
  for (const [key, item] of Object.entries(record)) {
    const name = [...path, key]
    if (typeof item === 'function') sealProcedure(item, name.join('.'))
    else if (!isRouter(item)) seal(item, name)
  }
}

/** What a procedure is made of, for those who list them. */
export function definitionOf(procedure: AnyTRPCProcedure): Definition {
  return procedure._def as unknown as Definition
}

function sealProcedure(procedure: AnyTRPCProcedure, name: string): void {
  const definition = definitionOf(procedure)
  if (sealed.has(definition)) return
  const { meta, inputs, output, type, middlewares } = definition
  if (!meta?.access) throw new Error(`${name} is not built from a door`)
  if (!refusesUnknownKeys(inputs.at(-1))) throw new Error(`${name} has no .input() of its own that is a strictObject, or Nothing`)
  if (!output) throw new Error(`${name} has no .output()`)
  if (meta.files && type !== 'mutation') throw new Error(`${name} takes files, which only a mutation can`)
  sealed.add(definition)
  if (type === 'mutation') {
    const at = middlewares.findIndex((middleware) => middleware._type === 'output')
    if (at < 0) throw new Error(`${name}: tRPC no longer marks its output check; trpc/seal.ts relies on it`)
    middlewares[at] = runAsCall(output)
  }
  middlewares.splice(0, middlewares.length, chained(middlewares))
}

/** A door's own input names only what the door needs: it does not count. */
function refusesUnknownKeys(input: unknown): boolean {
  if (input instanceof z.ZodVoid) return true
  if (input instanceof z.ZodDiscriminatedUnion) return input.options.every(refusesUnknownKeys)
  return input instanceof z.ZodObject && input._zod.def.catchall instanceof z.ZodNever
}

function isRouter(item: object): boolean {
  return '_def' in item
}
