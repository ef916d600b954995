/**
 * Who may import whom, as a rule of oxlint. The table is the whole of it; a file that stands in no layer (commands, tests) may import what it likes,
 * and no layer may import it.
 */
import { dirname, join, relative, sep } from 'node:path'

interface Source {
  readonly type: string
  readonly value?: unknown
}

interface ImportNode {
  readonly source: Source | null
  readonly importKind?: string
  readonly exportKind?: string
  readonly specifiers?: readonly { readonly importKind?: string }[]
}

interface Context {
  readonly filename: string
  report(problem: { node: unknown; message: string }): void
}

const root = join(import.meta.dirname, '../../..')
const src = 'server/src/'

/** Both ends encode alike, and the client, which is published by itself, is the one that holds the code. */
const wireFormat = /^@plinth\/client\/(?:transformer|form)$/

/** Each layer: which files are in it, and which files it may import besides its own; a service names its own as `<own>`, since another's are not. */
const layers: readonly { name: string; files: RegExp; may: readonly RegExp[] }[] = [
  { name: 'lib', files: /^server\/src\/lib\//, may: [] },
  { name: 'db', files: /^server\/src\/db\//, may: [/^server\/src\/lib\//] },
  { name: 'files', files: /^server\/src\/files\//, may: [/^server\/src\/lib\//] },
  {
    name: "a service's router",
    files: /^server\/src\/services\/[^/]+\/router(?:-[^/]+)?\.ts$/,
    may: [/^server\/src\/trpc\/(procedures|stream-of)\.ts$/, /^<own>\//],
  },
  {
    name: 'a service',
    files: /^server\/src\/services\/[^/]+\//,
    may: [/^server\/src\/(lib|db|files)\//, /^<own>\/(?!router(?:-[^/]+)?\.ts)/, /^server\/src\/services\/[^/]+\/index\.ts$/],
  },
  {
    name: 'trpc',
    files: /^server\/src\/trpc\//,
    may: [wireFormat, /^server\/src\/(lib|db)\//, /^server\/src\/services\/[^/]+\/index\.ts$/],
  },
  {
    name: 'http',
    files: /^server\/src\/http\//,
    may: [wireFormat, /^server\/src\/(lib|db|trpc)\//, /^server\/src\/services\/[^/]+\/index\.ts$/],
  },
  { name: 'jobs', files: /^server\/src\/jobs\//, may: [/^server\/src\/(lib|db)\//, /^server\/src\/services\/[^/]+\/index\.ts$/] },
  { name: 'the router', files: /^server\/src\/router\.ts$/, may: [/^server\/src\/trpc\//, /^server\/src\/services\/[^/]+\/router\.ts$/] },
  { name: 'the process', files: /^server\/src\/[^/]+\.ts$/, may: [/^server\/src\//] },
  { name: 'the client', files: /^client\/src\//, may: [] },
]

/** What may be imported when only types are: they are gone at run time. */
const typesOnly: Readonly<Record<string, RegExp>> = {
  'the client': /^(server\/src\/|@plinth\/server)/,
  "a service's router": /^server\/src\/trpc\//,
}

/** Says why `from` may not import `specifier`, or null where it may. Paths are relative to the project, with forward slashes. */
export function trespass(from: string, specifier: string, onlyTypes: boolean): string | null {
  const layer = layers.find(({ files }) => files.test(from))
  const to = resolve(from, specifier)
  if (!layer || to === null || (layer.files.test(to) && !layer.name.startsWith('a service'))) return null
  const own = dirname(from)
  const allowed = layer.may.some((pattern) => pattern.test(to) || new RegExp(pattern.source.replace('<own>', own)).test(to))
  if (allowed || (onlyTypes && typesOnly[layer.name]?.test(to))) return null
  return `${layer.name} may not import ${to}`
}

function resolve(from: string, specifier: string): string | null {
  if (specifier === '#db') return `${src}db/index.ts`
  if (specifier.startsWith('#')) return `${src}${specifier.slice(1)}`
  if (specifier.startsWith('@plinth/')) return specifier
  return specifier.startsWith('.') ? join(dirname(from), specifier).replaceAll(sep, '/') : null
}

function check(context: Context, node: ImportNode): void {
  if (typeof node.source?.value !== 'string') return
  const kinds = node.specifiers?.map((specifier) => specifier.importKind) ?? []
  const onlyTypes = node.importKind === 'type' || node.exportKind === 'type' || (kinds.length > 0 && kinds.every((kind) => kind === 'type'))
  const from = relative(root, context.filename).replaceAll(sep, '/')
  if (/\.test\.ts$/.test(from)) return
  const message = trespass(from.replace(/^server\/dev\/lint\/fixture\//, ''), node.source.value, onlyTypes)
  if (message !== null) context.report({ node, message })
}

const layersRule = {
  create(context: Context) {
    const visit = (node: ImportNode): void => check(context, node)
    return { ImportDeclaration: visit, ExportNamedDeclaration: visit, ExportAllDeclaration: visit, ImportExpression: visit }
  },
}

export default { meta: { name: 'plinth' }, rules: { layers: layersRule } }
