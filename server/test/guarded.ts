/** The procedures behind a door, read from the router: a new one is tried with the rest. */
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { appRouter } from '../src/router.ts'
import { definitionOf } from '../src/trpc/seal.ts'
import type { Answer, Browser } from './browser.ts'

export interface Guarded {
  readonly path: string
  readonly type: 'query' | 'mutation'
  /** Who may call it, in the words of its door. */
  readonly access: string
}

/** Every query and mutation that not just anyone may call. */
export const guarded: readonly Guarded[] = Object.entries<AnyTRPCProcedure>((appRouter as AnyTRPCRouter)._def.procedures).flatMap(
  ([path, procedure]) => {
    const { type, meta } = definitionOf(procedure)
    const access = meta?.access ?? ''
    return type === 'subscription' || access === 'anyone' ? [] : [{ path, type, access }]
  },
)

/** Knocks: the door answers before the input is looked at, which is empty. */
export function knock(browser: Browser, { path, type }: Guarded): Promise<Answer> {
  return type === 'query' ? browser.query(path, {}) : browser.mutate(path, {})
}
