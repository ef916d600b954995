/**
 * Closes in the generated client's types what the soft-deleting client refuses at run time (docs/decisions/002-soft-delete.md), so that an
 * editor says it first. A refused key stays, with the type `never`: it costs the compiler nothing, where a wrapper of conditional types would,
 * and it is an error even where Prisma's types let unknown keys pass.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

interface Model {
  soft: boolean
  relations: Record<string, { model: string; list: boolean; required: boolean; owns: boolean; single: boolean }>
}
type Models = Record<string, Model>

const require = createRequire(import.meta.url)
const typeStart = /^export type (\w+)\b.*\{$/
const nestedWrite = /^ {2}(?:connectOrCreate|upsert|delete|deleteMany)\?: /
const deletionField = /^ {2}(?:deletedAt|deletionId)\?: /
const removal = /^ {2}(delete|deleteMany)<T extends .*/
const negatableFilter = /Prisma\.XOR<Prisma\.\w+, (Prisma\.\w+)> \| null$/
const positiveFilter = 'Prisma.XOR<{ is?: $1; isNot?: null }, $1>'
const refusal = '/** Refused: docs/decisions/002-soft-delete.md */'

/** Rewrites the client generated into this folder. Throws where Prisma's types no longer look as expected. */
export function refuseInTypes(folder: string): void {
  const { models } = require(join(folder, 'metadata.ts')) as { models: Models }
  let refused = 0
  for (const file of globSync('models/*.ts', { cwd: folder })) {
    const path = join(folder, file)
    const source = readFileSync(path, 'utf8')
    const name = file.slice('models/'.length, -'.ts'.length)
    const closed = close(source, name, models)
    if (closed !== source) refused++
    writeFileSync(path, closed)
  }
  if (refused < Object.keys(models).length) throw new Error("Prisma's generated types have changed: review server/dev/refuse-in-types.ts")
}

function close(source: string, name: string, models: Models): string {
  const model = models[name]
  if (!model) return source
  let block = ''
  const lines = source.split('\n').map((line) => {
    block = typeStart.exec(line)?.[1] ?? block
    if (!model.soft && removal.test(line)) return line.replace(removal, `  ${refusal}\n  $1: never`)
    if (block.startsWith(`${name}Where`) && joinsBlindly(line, model, models)) return line.replace(negatableFilter, positiveFilter)
    return isRefused(line, block, name, models) ? line.replace(/^( {2}\w+\?: ).*/, `  ${refusal}\n$1never`) : line
  })
  return lines.join('\n')
}

function isRefused(line: string, block: string, name: string, models: Models): boolean {
  const model = models[name]
  if (!model) return false
  if (block.includes('Nested')) return nestedWrite.test(line) || cutsLoose(line, block, name, models)
  if (block === `${name}OrderByWithRelationInput`) return sortsByDeleted(line, model, models)
  return model.soft && isData(block, name) && deletionField.test(line)
}

/** Prisma calls the input of a nested write after the model it writes and, behind `Without`, that model's field for the way back. */
function cutsLoose(line: string, block: string, name: string, models: Models): boolean {
  const model = models[name]
  const back = /Without(\w+?)(?:Nested)?Input$/.exec(block)?.[1] ?? ''
  const relation = model?.relations[back.charAt(0).toLowerCase() + back.slice(1)]
  if (model?.soft && line.startsWith(`  set?: Prisma.${name}WhereUniqueInput`)) return true
  if (!model || !relation?.single) return false
  if (!relation.owns) return models[relation.model]?.soft === true && line.startsWith('  connect?: ')
  return model.soft && block.includes('Update') && /^ {2}(?:connect|create)\?: /.test(line)
}

function joinsBlindly(line: string, model: Model, models: Models): boolean {
  const relation = model.relations[keyOf(line)]
  return relation?.single === true && !relation.owns && models[relation.model]?.soft === true
}

function isData(block: string, name: string): boolean {
  return block.endsWith('Input') && /^(?:Unchecked)?(?:Create|Update)/.test(block.slice(name.length))
}

function sortsByDeleted(line: string, model: Model, models: Models): boolean {
  const relation = model.relations[keyOf(line)]
  return relation !== undefined && models[relation.model]?.soft === true && (relation.list || !relation.required)
}

function keyOf(line: string): string {
  return /^ {2}(\w+)\?: /.exec(line)?.[1] ?? ''
}
