import type { Prisma, PrismaClient } from '../generated/client.ts'
import type { ServiceModels } from '../generated/metadata.ts'
import type { SoftDeletingClient, SoftDeletingTx } from './extension.ts'

/** The name of a model as the client spells it: `teamMember`. */
export type ModelProperty = ServiceModels[keyof ServiceModels]
/** What a model can be asked without changing it. */
type Read = 'findUnique' | 'findUniqueOrThrow' | 'findFirst' | 'findFirstOrThrow' | 'findMany' | 'count' | 'aggregate' | 'groupBy'
/** Every model, reads only. */
export type ReadingClient = { readonly [P in ModelProperty]: Pick<PrismaClient[P], Read> }
/** The `where` of a model. */
export type WhereOf<P extends ModelProperty> = NonNullable<Prisma.TypeMap['model'][Capitalize<P>]['operations']['findFirst']['args']['where']>

export function withDeleted(client: SoftDeletingClient | SoftDeletingTx): ReadingClient {
  return client
}

export async function restore(_client: SoftDeletingClient | SoftDeletingTx, _model: ModelProperty, _deletionId: string): Promise<number> {
  throw new Error('being written')
}

export async function purge<P extends ModelProperty>(_client: SoftDeletingClient | SoftDeletingTx, _model: P, _where: WhereOf<P>): Promise<number> {
  throw new Error('being written')
}
