/**
 * Folds what the client knows of the server, client/src/api.ts, into one text that needs neither server, Prisma nor zod: the router as plain
 * inputs and outputs, with the comments of procedures and fields, and the other types that stand in api.ts.
 * Made from the compiler's own view of the types, not from its text. docs/decisions/010-published-types.md
 */
import { join } from 'node:path'
import { API, SymbolFlags, type Checker, type Symbol, type Type } from 'typescript/unstable/sync'
import { block, documentation, key, LeakError, printType, propertyType, type Printing } from './print-type.ts'

/** Opens the project of this tsconfig in a compiler of its own, which runs until it is closed. */
export function openProject(configFile: string): { project: Project; close(): void } {
  const api = new API({ cwd: join(configFile, '..') })
  const [project] = api.updateSnapshot({ openProjects: [configFile] }).getProjects()
  if (project) return { project, close: () => api.close() }
  api.close()
  throw new Error(`${configFile} is no project`)
}

type Project = NonNullable<ReturnType<ReturnType<API['updateSnapshot']>['getProject']>>

/**
 * Gives the folded text of a file that exports types alone. A router becomes the router of a client; everything else is printed as data.
 * @throws LeakError for a type that may not leave the server
 */
export function foldFile(project: Project, file: string): string {
  return fold(project, exportsOf(project, file))
}

/** The same of these exports alone. */
export function foldNames(project: Project, file: string, names: readonly string[]): string {
  return fold(
    project,
    exportsOf(project, file).filter(({ name }) => names.includes(name)),
  )
}

interface Export {
  name: string
  symbol: Symbol
  type: Type
}

function exportsOf({ program, checker }: Project, file: string): Export[] {
  const source = program.getSourceFile(file)
  const module = source && checker.getSymbolAtLocation(source)
  if (!module) throw new Error(`${file} is not part of the project`)
  return checker.getExportsOfModule(module).map((symbol) => ({ name: symbol.name, symbol, type: typeOf(checker, symbol) }))
}

function fold({ checker }: Project, exported: readonly Export[]): string {
  const routers = exported.filter(({ type }) => recordOf(checker, type))
  const data = exported.filter(({ type }) => !recordOf(checker, type))
  const printing = printingOf(checker, data)
  const declarations = [
    ...data.map(({ name, symbol, type }) => declare(printing, name, symbol, type)),
    ...routers.map(({ name, symbol, type }) => declareRouter(printing, name, symbol, type)),
  ].filter(Boolean)
  const used = declarations.join('\n\n')
  return [...preamble(used), ...brands(printing), used, ''].join('\n')
}

function typeOf(checker: Checker, symbol: Symbol): Type {
  const target = symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  return checker.getDeclaredTypeOfSymbol(target)
}

function recordOf(checker: Checker, type: Type): Type | undefined {
  const definition = propertyType(checker, type, '_def')
  return definition && propertyType(checker, definition, 'record')
}

function printingOf(checker: Checker, data: readonly Export[]): Printing {
  const unions = data.flatMap(({ name, type }) => {
    const members = type.isUnionType() ? type.getTypes() : []
    return members.length > 1 && members.every((member) => member.isStringLiteralType())
      ? [{ name, members: new Set(members.map(({ id }) => id)) }]
      : []
  })
  return { checker, unions, named: new Map(data.map(({ name, type }) => [type.id, name])), brands: new Set() }
}

function declare(printing: Printing, name: string, symbol: Symbol, type: Type): string {
  const text = printType(printing, type, name, true)
  if (printing.brands.has(text)) return ''
  return `${documentation(printing.checker, target(printing.checker, symbol))}export type ${name} = ${text}`
}

function target(checker: Checker, symbol: Symbol): Symbol {
  return symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

function declareRouter(printing: Printing, name: string, symbol: Symbol, type: Type): string {
  const { checker } = printing
  const record = recordOf(checker, type)
  if (!record) throw new Error(`${name} is no router`)
  const shape = errorShapeOf(checker, type)
  return [
    `/** How an error stands on the wire. */\nexport type ErrorShape = ${printType(printing, shape, 'an error')}`,
    plumbing,
    `${documentation(checker, target(checker, symbol))}export type ${name} = TRPCBuiltRouter<Root, ${printRecord(printing, record, '')}>`,
  ].join('\n\n')
}

/** What tRPC's client wants to know beside inputs and outputs. */
const plumbing = `type Root = { ctx: object; meta: object; errorShape: ErrorShape; transformer: true }
type Query<Input, Output> = TRPCQueryProcedure<{ input: Input; output: Output; meta: object; errorShape: ErrorShape }>
type Mutation<Input, Output> = TRPCMutationProcedure<{ input: Input; output: Output; meta: object; errorShape: ErrorShape }>
type Subscription<Input, Output> = TRPCSubscriptionProcedure<{ input: Input; output: Output; meta: object; errorShape: ErrorShape }>`

function errorShapeOf(checker: Checker, router: Type): Type {
  const path = ['_def', '_config', '$types', 'errorShape']
  return path.reduce((type, name) => {
    const next = propertyType(checker, type, name)
    if (!next) throw new Error(`tRPC no longer says ${name} of a router: review server/dev/publish/fold.ts`)
    return next
  }, router)
}

function printRecord(printing: Printing, record: Type, path: string): string {
  const { checker } = printing
  return block(
    checker.getPropertiesOfType(record).map((symbol) => {
      const type = checker.getTypeOfSymbol(symbol)
      if (!type) throw new Error(`${path}${symbol.name} has no type`)
      return `${documentation(checker, symbol)}${key(symbol.name)}: ${printEntry(printing, type, path + symbol.name)}`
    }),
  )
}

function printEntry(printing: Printing, type: Type, path: string): string {
  const { checker } = printing
  const definition = propertyType(checker, type, '_def')
  const types = definition && propertyType(checker, definition, '$types')
  if (!definition || !types) return printRecord(printing, type, `${path}.`)
  const input = propertyType(checker, types, 'input')
  const output = propertyType(checker, types, 'output')
  const kind = propertyType(checker, definition, 'type')
  if (!input || !output || !kind?.isStringLiteralType()) throw new LeakError(`${path} has no input, output or kind`)
  const name = kind.value.charAt(0).toUpperCase() + kind.value.slice(1)
  return `${name}<${printType(printing, input, `the input of ${path}`)}, ${printType(printing, output, `the output of ${path}`)}>`
}

function preamble(text: string): string[] {
  const names = ['TRPCBuiltRouter', 'TRPCMutationProcedure', 'TRPCQueryProcedure', 'TRPCSubscriptionProcedure'].filter((name) =>
    text.includes(`${name}<`),
  )
  return [
    '/** What the server takes and gives. Made by `pnpm build` from the server; nothing of the server is in it. */',
    ...(names.length > 0 ? [`import type { ${names.join(', ')} } from '@trpc/server'`, ''] : []),
    ...(/\bJsonValue\b/.test(text)
      ? ['/** Any JSON. */', 'export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }', '']
      : []),
  ]
}

function brands({ brands: names }: Printing): string[] {
  if (names.size === 0) return []
  const types = [...names]
    .toSorted()
    .map((name) => `/** An id of its own kind: no other id and no plain string stands for it. */\nexport type ${name} = Branded<'${name}'>`)
  return ['declare const brand: unique symbol', 'type Branded<Name extends string> = string & { readonly [brand]: Name }', ...types, '']
}
