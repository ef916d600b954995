/** What an API key may call: procedures that are open to keys, of which its scopes name some. */
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import type { Meta } from './procedures.ts'
import { definitionOf } from './seal.ts'

/**
 * Whether a procedure is open to keys. What manages accounts is not, unless it says so: a key that is stolen must not make another, change a
 * password or end a session. What asks for a step-up, and administration, say no.
 */
export function isOpenToKeys(path: string, meta: Meta | undefined): boolean {
  return meta?.keys ?? !path.startsWith('auth.')
}

/** Whether one of the scopes names the procedure: by its path, or as one of all below (`teams.*`). */
export function isWithin(scopes: readonly string[], path: string): boolean {
  return scopes.some((scope) => scope === path || (scope.endsWith('.*') && path.startsWith(scope.slice(0, -1))))
}

/** Gives the paths of the procedures that are open to keys. */
export function pathsOpenToKeys(router: AnyTRPCRouter): ReadonlySet<string> {
  const all = Object.entries<AnyTRPCProcedure>(router._def.procedures)
  return new Set(all.filter(([path, procedure]) => isOpenToKeys(path, definitionOf(procedure).meta)).map(([path]) => path))
}
