/**
 * What the code says of the API: the docstrings of routers, schemas, rules and error codes, as data. docs/access.md, client/contract.json and
 * the served documents (http/docs) all take it from here, so that a sentence is written once.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { conflictReasons, errorTexts } from './docstrings/errors.ts'
import { readModule } from './docstrings/module.ts'
import { walkRouter, type Found } from './docstrings/routers.ts'
import { describeSchemas } from './docstrings/schemas.ts'
import type { Docstrings } from '../src/http/docs/docstrings.ts'

/** Reads them all from the sources. */
export function readDocstrings(root: string): Docstrings {
  const found: Found = { routers: {}, procedures: {}, schemas: new Map() }
  walkRouter(readModule(join(root, 'server/src/router.ts')), 'appRouter', found)
  const { version } = JSON.parse(readFileSync(join(root, 'server/package.json'), 'utf8')) as { version: string }
  return {
    version,
    routers: sorted(found.routers),
    procedures: sorted(found.procedures),
    schemas: sorted(describeSchemas(found)),
    errors: errorTexts(root),
    conflicts: conflictReasons(root),
  }
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
