/** How large a request to each procedure may be, and which procedures take files. */
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { definitionOf } from './seal.ts'

/** 64 kB: what a request holds where its procedure says nothing. */
export const MOST_BYTES = 64 * 1024
/** 10 MB: what a request with files holds where its procedure says nothing. It is held in memory. */
export const MOST_BYTES_WITH_FILES = 10 * 1024 * 1024

/** What a request to one procedure may be; `/trpc/<name>` alone, never a batch. */
export interface Body {
  readonly takesFiles: boolean
  readonly mostBytes: number
}

/** Gives the procedures whose requests may be more than 64 kB of JSON, by name. */
export function bodiesOf(router: AnyTRPCRouter): ReadonlyMap<string, Body> {
  const all = Object.entries<AnyTRPCProcedure>(router._def.procedures)
  return new Map(
    all.flatMap(([name, procedure]) => {
      const { files = false, mostBytes = files ? MOST_BYTES_WITH_FILES : MOST_BYTES } = definitionOf(procedure).meta ?? {}
      return files || mostBytes !== MOST_BYTES ? [[name, { takesFiles: files, mostBytes }]] : []
    }),
  )
}
