/** What soft delete must know of the models, and the words in which it refuses. */
import { models } from '../generated/metadata.ts'

/** A relation as its model has it. `owns`: the foreign key is in the model's own table. `single`: the other side is no list either. */
export interface RelationShape {
  readonly model: string
  readonly list: boolean
  readonly required: boolean
  readonly owns: boolean
  readonly single: boolean
}

/** A model of the metadata. `soft`: its rows are marked as deleted and not removed. */
export interface ModelShape {
  readonly property: string
  readonly soft: boolean
  readonly columns: Readonly<Record<string, unknown>>
  readonly relations: Readonly<Record<string, RelationShape>>
}

export type Shapes = Readonly<Record<string, ModelShape>>

/** The arguments of a query, or a part of them. Prisma checks them itself; here they are walked. */
export type Args = Readonly<Record<string, unknown>>

/** Plinth's own models. Tests bring others. */
export const shapes: Shapes = models

/** What a rewrite goes by: the models, and the deletion whose rows still count as living, while its own result is read. */
export interface Scope {
  readonly shapes: Shapes
  readonly deletionId?: string
}

/** A query that soft delete cannot answer rightly, or must not run. A fault of the code that asked: it never reaches a caller. */
export class SoftDeleteRefusal extends Error {
  override readonly name = 'SoftDeleteRefusal'

  constructor(path: string, why: string) {
    super(`Soft delete refuses ${path}: ${why} (docs/decisions/002-soft-delete.md)`)
  }
}

/** Gives the shape of a model. Throws for one that the metadata does not know. */
export function shapeOf(scope: Scope, model: string): ModelShape {
  const shape = scope.shapes[model]
  if (!shape) throw new Error(`The metadata does not know the model ${model}`)
  return shape
}

/** Narrows to an object whose keys can be walked: neither a list nor a value such as a date or bytes. */
export function isArgs(value: unknown): value is Args {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Gives a list of what may be one, a list or nothing: Prisma takes all three in many places. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

/** Maps one or many arguments and keeps the form they came in. What is no argument stays, for Prisma to judge. */
export function mapArgs(value: unknown, rewrite: (args: Args) => unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => mapArgs(one, rewrite))
  return isArgs(value) ? rewrite(value) : value
}
