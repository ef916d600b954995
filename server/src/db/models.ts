/** Which models a service may see: its own, and those of no other. */
import type { Prisma, PrismaClient } from './generated/client.ts'
import { models, type ServiceModels } from './generated/metadata.ts'

/** The rows of each model: `TeamModel`, `UserModel`, ... */
export type * from './generated/models.ts'

/** A service with tables of its own. `core` is nobody's: transaction(), the dispatcher and the jobs write it. */
export type Service = Exclude<keyof ServiceModels, 'core'>

/** The client properties of a service's models: `team`, `teamMember`, ... */
export type ModelOf<S extends Service> = ServiceModels[S]

/** The Prisma client narrowed to a service's models. */
export type Models<S extends Service> = Pick<PrismaClient, ModelOf<S>>

type TypeOf<M extends string> = Prisma.TypeMap['model'][Extract<Capitalize<M>, Prisma.ModelName>]

/** A row of a model, as Prisma gives it. */
export type Row<M extends string> = TypeOf<M>['payload']['scalars']

/** The `where` of a model. */
export type Where<M extends string> = NonNullable<TypeOf<M>['operations']['deleteMany']['args']['where']>

const owners: ReadonlyMap<string, keyof ServiceModels> = new Map(Object.values(models).map(({ property, service }) => [property, service]))

/** Gives the service that a client property belongs to; undefined where it is no model. */
export function ownerOf(property: string): keyof ServiceModels | undefined {
  return owners.get(property)
}
