/** The enumerations of the database that the API speaks, as values for the client: client/src/enums.ts. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as enums from '../../src/db/generated/enums.ts'
import type { Contract, Schema } from './contract.ts'

/** The text of client/src/enums.ts. An enumeration is public as soon as some procedure takes or gives exactly its values. */
export function enumsModule(root: string, contract: Contract): string {
  const spoken = new Set(Object.values(contract.procedures).flatMap(({ input, output }) => [...setsIn(input), ...setsIn(output)]))
  const comments = commentsOf(root)
  const constants = Object.entries(enums)
    .filter(([, values]) => spoken.has(setOf(Object.values(values))))
    .toSorted(([a], [b]) => a.localeCompare(b, 'en'))
    .map(([name, values]) => constant(name, Object.values(values), comments.get(name)))
  return [
    '/** Made by `pnpm contract` from the enumerations that the procedures take or give. Do not edit. */',
    "import type * as live from './api.ts'",
    '',
    constants.join('\n\n'),
    '',
  ].join('\n')
}

function constant(name: string, values: readonly string[], comment: string | undefined): string {
  return [
    ...(comment ? [`/** ${comment} */`] : []),
    `export const ${name}: { readonly [Value in live.${name}]: Value } = {`,
    ...values.map((value) => `  ${value}: '${value}',`),
    '}',
    `export type ${name} = live.${name}`,
  ].join('\n')
}

function* setsIn(schema: Schema | boolean | undefined): Generator<string> {
  if (typeof schema !== 'object') return
  if (schema.enum) yield setOf(schema.enum.filter((value) => value !== null))
  const below = [schema.properties, schema.$defs].flatMap((map) => Object.values(map ?? {}))
  const beside = [
    schema.items,
    schema.additionalProperties,
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    ...(schema.prefixItems ?? []),
  ]
  for (const child of [...below, ...beside]) yield* setsIn(child)
}

function setOf(values: readonly unknown[]): string {
  return values.map(String).toSorted().join(' ')
}

/** What the schema says of each enumeration, on one line. */
function commentsOf(root: string): Map<string, string> {
  const schema = globSync('prisma/schema/**/*.prisma', { cwd: root })
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n')
  const found = schema.matchAll(/((?:^\/\/\/ .*\n)+)enum (\w+)/gm)
  return new Map([...found].map(([, comment = '', name = '']) => [name, comment.replaceAll('/// ', '').trim().replaceAll('\n', ' ')]))
}
