/**
 * Writes down who may call what: docs/access.md for people, client/src/alone.ts for the client, both made from the doors of the router; and what
 * the docstrings say of it, for the documents that the server gives. `node server/dev/access.ts` writes all; `pnpm check` fails while one is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { appRouter } from '../src/router.ts'
import { isOpenToKeys } from '../src/trpc/key-scopes.ts'
import { definitionOf } from '../src/trpc/seal.ts'
import { readDocstrings } from './docstrings.ts'

const root = join(import.meta.dirname, '../..')

/** Gives each file with what should be in it. */
export function accessFiles(): Map<string, string> {
  return new Map([
    [join(root, 'docs/access.md'), accessPage()],
    [join(root, 'client/src/alone.ts'), aloneModule()],
    [join(root, 'server/src/http/docs/docstrings.json'), `${JSON.stringify(readDocstrings(root), null, 2)}\n`],
  ])
}

/** Gives the files that are not what they should be. */
export function staleFiles(): string[] {
  return [...accessFiles()].filter(([path, text]) => read(path) !== text).map(([path]) => path)
}

function procedures(): [name: string, procedure: AnyTRPCProcedure][] {
  const { procedures: all } = (appRouter as AnyTRPCRouter)._def
  return Object.entries<AnyTRPCProcedure>(all).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function accessPage(): string {
  const rows = procedures().map(([name, procedure]) => {
    const { meta, type, inputs } = definitionOf(procedure)
    const notes = [
      isOpenToKeys(name, meta) && 'API keys too',
      meta?.cookies && 'sets or clears the cookie',
      meta?.secret && 'answers a secret, once',
      meta?.unkeyed && 'takes no idempotency key',
      meta?.files && 'takes files',
      meta?.mostBytes && `at most ${meta.mostBytes} bytes`,
    ]
    return `| ${name} | ${type} | ${meta?.access} | ${fieldsOf(inputs)} | ${notes.filter(Boolean).join('; ')} |`
  })
  return [
    '# Who may call what',
    '',
    'Made by `node server/dev/access.ts` from the doors of the router. Do not edit.',
    '',
    '| procedure | type | who may call | input | notes |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

/** The names of an input's fields; those with `?` may be left out. The last schema is the procedure's own, the ones before are its door's. */
function fieldsOf(inputs: readonly unknown[]): string {
  const schema = inputs.at(-1)
  if (!(schema instanceof z.ZodObject)) return ''
  const fields = Object.entries<z.ZodType>(schema.shape)
  return fields
    .map(([name, field]) => (field.safeParse(undefined).success || field instanceof z.ZodExactOptional ? `${name}?` : name))
    .join(', ')
}

function aloneModule(): string {
  const names = procedures()
    .filter(([, procedure]) => isAlone(procedure))
    .map(([name]) => `  '${name}',\n`)
  return `/** Made by \`node server/dev/access.ts\` from the doors of the server. Do not edit. */

/** Procedures that are sent alone: their answer sets a cookie or holds a secret, which must not be lost with another call's. */
export const alone: ReadonlySet<string> = new Set<string>([
${names.join('')}])
`
}

function isAlone(procedure: AnyTRPCProcedure): boolean {
  const { meta } = definitionOf(procedure)
  return Boolean(meta?.cookies ?? meta?.secret)
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

if (import.meta.main) for (const [path, text] of accessFiles()) writeFileSync(path, text)
