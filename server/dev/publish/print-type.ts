/**
 * Prints a type of the compiler as text that stands on its own: what it says, not where it was said. Only plain data has such a text;
 * a class of the server, a function, `any` and whatever else belongs to some package is a leak, and refused with the place it was found.
 */
import {
  SignatureKind,
  SymbolFlags,
  TypeFlags,
  type Checker,
  type Symbol,
  type Type,
  type UnionOrIntersectionType,
} from 'typescript/unstable/sync'

/** Where printing stands: what has a name, what names were used, and the place for messages. */
export interface Printing {
  readonly checker: Checker
  /** Types that are declared beside the one being printed, by the checker's id. */
  readonly named: Map<number, string>
  /** Unions of literals that have a name, found by their members: the compiler does not keep the name in `TeamRole | null`. */
  readonly unions: readonly { name: string; members: ReadonlySet<number> }[]
  /** The brands that were met: each becomes a type of its own. */
  readonly brands: Set<string>
}

/** A type that may not leave the server. */
export class LeakError extends Error {
  override readonly name = 'LeakError'
}

/** The types of the platform that mean the same everywhere. */
const platform = new Set([
  'AsyncIterable',
  'Blob',
  'Date',
  'File',
  'FormData',
  'Map',
  'ReadableStream',
  'ReadonlyMap',
  'ReadonlySet',
  'Set',
  'URL',
  'Uint8Array',
])

/** How many of a platform type's arguments are its reader's business: AsyncIterable's others are the protocol's own. */
const argumentsOf: Record<string, number> = { AsyncIterable: 1, Map: 2, ReadonlyMap: 2, ReadonlySet: 1, ReadableStream: 1, Set: 1 }

/** Prints a type. `place` names it for messages, `asItself` prints what a named type is made of. @throws LeakError */
export function printType(printing: Printing, type: Type, place: string, asItself = false): string {
  const name = asItself ? undefined : printing.named.get(type.id)
  return name ?? printIntrinsic(type, place) ?? printLiteral(type) ?? printStructured(printing, type, place, asItself)
}

function printStructured(printing: Printing, type: Type, place: string, asItself: boolean): string {
  if (type.getAliasSymbol()?.name === 'JSONType') return 'JsonValue'
  if (type.isUnionType()) return printUnion(printing, type, place, asItself)
  if (type.isIntersectionType()) return printIntersection(printing, type, place)
  if (type.isTemplateLiteralType()) return printTemplate(printing, type, place)
  if (type.isObjectType()) return printObject(printing, type, place)
  throw leak(printing, type, place)
}

function printIntrinsic(type: Type, place: string): string | undefined {
  if (type.flags & TypeFlags.Any) throw new LeakError(`${place} is \`any\`: give the procedure a schema that says what it is`)
  if (type.flags & (TypeFlags.Undefined | TypeFlags.Void | TypeFlags.Null | TypeFlags.Never | TypeFlags.Unknown)) return intrinsicName(type)
  if (type.flags & (TypeFlags.String | TypeFlags.Number | TypeFlags.BigInt | TypeFlags.Boolean)) return intrinsicName(type)
  return undefined
}

function intrinsicName(type: Type): string {
  return type.isIntrinsicType() && type.intrinsicName ? type.intrinsicName : 'boolean'
}

function printLiteral(type: Type): string | undefined {
  if (type.isStringLiteralType()) return quote(type.value)
  if (type.isBigIntLiteralType()) return `${type.value}n`
  return type.isNumberLiteralType() || type.isBooleanLiteralType() ? String(type.value) : undefined
}

/** Literals in alphabetical order, for the compiler's own order changes with the program; then the rest, then null and undefined. */
function printUnion(printing: Printing, type: UnionOrIntersectionType, place: string, asItself: boolean): string {
  const members = [...type.getTypes()]
  const names = asItself ? [] : printing.unions.filter((union) => covers(members, union.members))
  const covered = new Set(names.flatMap((union) => [...union.members]))
  const rest = members.filter((member) => !covered.has(member.id))
  const texts = [...names.map((union) => union.name), ...rest.map((member) => wrapped(printType(printing, member, place)))]
  const unique = [...new Set(mergeBooleans(texts))]
  return unique.toSorted((a, b) => rank(a) - rank(b) || (rank(a) === 0 ? a.localeCompare(b, 'en') : 0)).join(' | ')
}

function covers(members: readonly Type[], wanted: ReadonlySet<number>): boolean {
  return [...wanted].every((id) => members.some((member) => member.id === id))
}

function mergeBooleans(texts: readonly string[]): string[] {
  const both = texts.includes('true') && texts.includes('false')
  return both ? [...texts.filter((text) => text !== 'true' && text !== 'false'), 'boolean'] : [...texts]
}

function rank(text: string): number {
  if (text === 'undefined') return 3
  if (text === 'null') return 2
  return /^['"\d]/.test(text) ? 0 : 1
}

function wrapped(text: string): string {
  return text.includes(' & ') ? `(${text})` : text
}

/** A branded value keeps its brand under the brand's own name; other intersections are what their properties are together. */
function printIntersection(printing: Printing, type: UnionOrIntersectionType, place: string): string {
  const brands = type.getTypes().flatMap((part) => brandOf(printing, part) ?? [])
  if (brands.length === 1 && brands[0]) {
    printing.brands.add(brands[0])
    return brands[0]
  }
  if (type.getTypes().every((part) => part.isObjectType())) return printProperties(printing, type, place)
  throw leak(printing, type, place)
}

function brandOf({ checker }: Printing, type: Type): string | undefined {
  if (type.getSymbol()?.name !== '$brand' && type.getAliasSymbol()?.name !== '$brand') return undefined
  return /\$brand<"(\w+)">/.exec(checker.typeToString(type))?.[1]
}

function printTemplate(printing: Printing, type: Type & { texts: readonly string[]; getTypes(): readonly Type[] }, place: string): string {
  const parts = type.getTypes().map((part) => `\${${printType(printing, part, place)}}`)
  return `\`${type.texts.map((text, index) => text + (parts[index] ?? '')).join('')}\``
}

function printObject(printing: Printing, type: Type, place: string): string {
  const { checker } = printing
  if (checker.isTupleType(type)) return `[${argumentsText(printing, type, place).join(', ')}]`
  const name = type.getSymbol()?.name ?? ''
  const readonly = name === 'ReadonlyArray' ? 'readonly ' : ''
  if (checker.isArrayType(type)) return `${readonly}${inArray(argumentsText(printing, type, place)[0] ?? 'unknown')}[]`
  if (platform.has(name) && isOfPlatform(type)) return printPlatform(printing, type, name, place)
  return printProperties(printing, type, place)
}

function argumentsText(printing: Printing, type: Type, place: string): string[] {
  if (!type.isTypeReference()) return []
  return printing.checker.getTypeArguments(type).map((argument) => printType(printing, argument, `${place}[]`))
}

function inArray(text: string): string {
  return /[|&]/.test(text.replace(/\{[\s\S]*\}/, '')) ? `(${text})` : text
}

function isOfPlatform(type: Type): boolean {
  return (type.getSymbol()?.declarations ?? []).every(({ path }) => /\/lib\.[\w.]+\.d\.ts$|\/node_modules\/@types\/node\//.test(path))
}

function printPlatform(printing: Printing, type: Type, name: string, place: string): string {
  const count = argumentsOf[name]
  if (count === undefined || !type.isTypeReference()) return name
  const shown = printing.checker.getTypeArguments(type).slice(0, count)
  return `${name}<${shown.map((argument) => printType(printing, argument, `${place}[]`)).join(', ')}>`
}

const inProgress = new Set<number>()

function printProperties(printing: Printing, type: Type, place: string): string {
  if (isClass(type) || isCallable(printing, type) || inProgress.has(type.id) || place.split('.').length > 24)
    throw leak(printing, type, place)
  inProgress.add(type.id)
  try {
    return printMembers(printing, type, place)
  } finally {
    inProgress.delete(type.id)
  }
}

function isClass(type: Type): boolean {
  return ((type.getSymbol()?.flags ?? 0) & (SymbolFlags.Class | SymbolFlags.Function | SymbolFlags.Method)) !== 0
}

function isCallable({ checker }: Printing, type: Type): boolean {
  return [SignatureKind.Call, SignatureKind.Construct].some((kind) => checker.getSignaturesOfType(type, kind).length > 0)
}

function printMembers(printing: Printing, type: Type, place: string): string {
  const { checker } = printing
  const indexes = checker.getIndexInfosOfType(type).map(({ keyType, valueType }) => {
    return `[key: ${printType(printing, keyType, place)}]: ${printType(printing, valueType, `${place}[]`)}`
  })
  const properties = checker.getPropertiesOfType(type).map((property) => printProperty(printing, property, place))
  return block([...indexes, ...properties])
}

function printProperty(printing: Printing, property: Symbol, place: string): string {
  const { checker } = printing
  const type = checker.getTypeOfSymbol(property)
  const here = `${place}.${property.name}`
  if (!type || property.name.startsWith('__@') || (property.flags & SymbolFlags.Method) !== 0) throw new LeakError(`${here} is no data`)
  const optional = (property.flags & SymbolFlags.Optional) !== 0
  const text = optional ? printOptional(printing, type, here) : printType(printing, type, here)
  return `${documentation(checker, property)}${key(property.name)}${optional ? '?' : ''}: ${text}`
}

/** The compiler adds "missing" to what is optional: an `undefined` that nobody wrote. */
function printOptional(printing: Printing, type: Type, place: string): string {
  if (!type.isUnionType()) return printType(printing, type, place)
  const text = printType(printing, type, place)
  const written = type.getTypes().some((member) => member.id === printing.checker.getUndefinedType().id)
  return written ? text : text.replace(/ \| undefined$/, '')
}

/** The comment that the compiler has for this symbol, wherever it was written, with its tags. */
export function documentation(checker: Checker, symbol: Symbol): string {
  const tags = symbol.getJsDocTags(checker).map(({ name, text }) => `@${name}${text ? ` ${text}` : ''}`)
  const lines = [...symbol.getDocumentationComment(checker).split('\n'), ...tags].map((line) => line.trimEnd()).filter(Boolean)
  const safe = lines.map((line) => line.replaceAll('*/', '* /'))
  if (safe.length === 0) return ''
  return safe.length === 1 ? `/** ${safe[0]} */\n` : `/**\n${safe.map((line) => ` * ${line}`).join('\n')}\n */\n`
}

/** An object type of these members, a line each, indented by two. */
export function block(members: readonly string[]): string {
  if (members.length === 0) return '{}'
  return `{\n${members.map((member) => member.replace(/^/gm, '  ')).join('\n')}\n}`
}

/** A key as it stands in an object type. */
export function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quote(name)
}

function quote(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}

function leak(printing: Printing, type: Type, place: string): LeakError {
  const from = type.getSymbol()?.declarations[0]?.path.replace(/^.*\/node_modules\//, '')
  const what = printing.checker.typeToString(type).slice(0, 120)
  return new LeakError(
    `${place} is \`${what}\`${from ? ` from ${from}` : ''}, which no client can have: give the procedure a schema of plain data`,
  )
}

/** The type of this property, where there is one. */
export function propertyType(checker: Checker, type: Type, name: string): Type | undefined {
  const property = type.flags & (TypeFlags.Object | TypeFlags.Intersection) ? checker.getPropertyOfType(type, name) : undefined
  return property && checker.getTypeOfSymbol(property)
}
