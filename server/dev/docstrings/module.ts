/** A source file as its docstrings see it: what it imports and exports by name, and what stands above each. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseSync, type Comment, type Declaration, type Expression, type Statement } from 'oxc-parser'

export interface Named {
  /** The docstring above it, as prose; empty without one. */
  readonly text: string
  /** What it says after `@throws`. */
  readonly refusals: string
  /** What a constant is made by. */
  readonly value: Expression | null
  readonly isExported: boolean
}

export interface Module {
  readonly file: string
  readonly source: string
  readonly comments: readonly Comment[]
  /** The declarations at the top. */
  readonly names: ReadonlyMap<string, Named>
  /** From a local name to where it comes from; `*` holds what is exported anew as a whole. */
  readonly imports: ReadonlyMap<string, { readonly from: string; readonly name: string }>
  readonly statements: readonly Statement[]
}

const modules = new Map<string, Module>()

/** Gives a module of ours, parsed once. */
export function readModule(file: string): Module {
  const known = modules.get(file)
  if (known) return known
  const source = readFileSync(file, 'utf8')
  const { program, comments, errors } = parseSync(file, source)
  if (errors.length > 0) throw new Error(`${file} cannot be parsed: ${errors[0]?.message}`)
  const statements = program.body.filter((node): node is Statement => node.type !== 'ExpressionStatement')
  const draft = { file, source, comments, statements }
  const module = { ...draft, imports: importsOf(draft), names: namesOf(draft) }
  modules.set(file, module)
  return module
}

/** Finds a name where it is declared, through imports and re-exports; undefined for what is not ours. */
export function lookUp(module: Module, name: string): { module: Module; named: Named; name: string } | undefined {
  const named = module.names.get(name)
  if (named) return { module, named, name }
  const imported = module.imports.get(name)
  const file = imported && fileOf(module.file, imported.from)
  return file ? lookUp(readModule(file), imported.name) : undefined
}

/** Gives the docstring that ends where something starts. */
export function docAt({ comments, source }: Pick<Module, 'comments' | 'source'>, start: number): Pick<Named, 'text' | 'refusals'> {
  const above = comments.findLast(({ end }) => end <= start)
  const isOurs = above?.type === 'Block' && above.value.startsWith('*') && source.slice(above.end, start).trim() === ''
  if (!above || !isOurs) return { text: '', refusals: '' }
  const lines = above.value.slice(1).split('\n')
  const words = lines.map((line) => line.replace(/^\s*\*? ?/, '').trimEnd()).join('\n')
  const [text = '', ...tags] = words.split(/(?:^|\s)@(?=throws\b)/)
  const refusals = tags.map((tag) => joined(tag.replace(/^throws\s+/, '').split(/\s@\w/)[0] ?? ''))
  return { text: joined(text), refusals: refusals.map((refusal) => refusal.replace(/\.$/, '')).join('; ') }
}

/** Lines are broken for the editor: a paragraph is one line. Where something stands in the code is for those alone who read the code. */
function joined(text: string): string {
  return text
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) =>
      paragraph
        .split(/\n(?!- )/)
        .map((line) => line.trim())
        .join(' '),
    )
    .join('\n\n')
    .replace(/ \((?:decision \d+|(?:\w+\/)+[\w-]+(?:\.ts)?)\)/g, '')
}

function importsOf({ statements }: Pick<Module, 'statements'>): Module['imports'] {
  const imports = new Map<string, { from: string; name: string }>()
  for (const node of statements) {
    if (node.type === 'ImportDeclaration') {
      for (const specifier of node.specifiers) {
        if (specifier.type === 'ImportSpecifier')
          imports.set(specifier.local.name, { from: node.source.value, name: nameIn(specifier.imported) })
      }
    }
    if (node.type === 'ExportNamedDeclaration' && node.source) {
      for (const { local, exported } of node.specifiers) imports.set(nameIn(exported), { from: node.source.value, name: nameIn(local) })
    }
  }
  return imports
}

function nameIn(name: { type: string; name?: string; value?: string }): string {
  return name.name ?? name.value ?? ''
}

function namesOf(module: Pick<Module, 'statements' | 'comments' | 'source'>): Module['names'] {
  const names = new Map<string, Named>()
  for (const node of module.statements) {
    const isExported = node.type === 'ExportNamedDeclaration'
    const declaration = isExported ? node.declaration : node
    if (!declaration) continue
    // A type of the same name says nothing of its own.
    for (const [name, value] of declared(declaration as Declaration)) names.set(name, { ...docAt(module, node.start), value, isExported })
  }
  return names
}

function declared(node: Declaration): [string, Expression | null][] {
  if (node.type === 'FunctionDeclaration') return node.id ? [[node.id.name, null]] : []
  if (node.type !== 'VariableDeclaration') return []
  return node.declarations.flatMap(({ id, init }) => (id.type === 'Identifier' ? [[id.name, init]] : []))
}

function fileOf(from: string, specifier: string): string | undefined {
  const src = join(import.meta.dirname, '../../src')
  if (specifier === '#db') return join(src, 'db/index.ts')
  if (specifier.startsWith('#')) return join(src, specifier.slice(1))
  const file = join(dirname(from), specifier)
  return specifier.startsWith('.') && existsSync(file) ? file : undefined
}
