/** Reads lib/errors.ts: what stands above each error code, and the reasons of a CONFLICT, which are a type alone. */
import { join } from 'node:path'
import { docAt, readModule, type Module } from './module.ts'

/** Gives what each code means; those without a docstring are left out. */
export function errorTexts(root: string): Record<string, string> {
  const module = errorsModule(root)
  const details = exported(module, 'ErrorDetails')
  if (details?.type !== 'TSInterfaceDeclaration')
    throw new Error('ErrorDetails is no longer an interface: review server/dev/docstrings/errors.ts')
  const texts = details.body.body.flatMap((member) => {
    if (member.type !== 'TSPropertySignature' || member.key.type !== 'Identifier') return []
    const { text } = docAt(module, member.start)
    return text ? [[member.key.name, text] as const] : []
  })
  return Object.fromEntries(texts)
}

/** Gives the reasons of a CONFLICT, sorted. */
export function conflictReasons(root: string): string[] {
  const union = exported(errorsModule(root), 'ConflictReason')
  const members = union?.type === 'TSTypeAliasDeclaration' && union.typeAnnotation.type === 'TSUnionType' ? union.typeAnnotation.types : []
  const reasons = members.flatMap((member) => {
    const literal = member.type === 'TSLiteralType' && 'value' in member.literal ? member.literal.value : undefined
    return typeof literal === 'string' ? [literal] : []
  })
  if (reasons.length === 0 || reasons.length < members.length)
    throw new Error('ConflictReason is no longer a union of names: review server/dev/docstrings/errors.ts')
  return reasons.toSorted()
}

function errorsModule(root: string): Module {
  return readModule(join(root, 'server/src/lib/errors.ts'))
}

function exported({ statements }: Module, name: string) {
  const declarations = statements.flatMap((node) => (node.type === 'ExportNamedDeclaration' && node.declaration ? [node.declaration] : []))
  return declarations.find(
    (node) => (node.type === 'TSInterfaceDeclaration' || node.type === 'TSTypeAliasDeclaration') && node.id.name === name,
  )
}
