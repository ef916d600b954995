import type { Prisma, PrismaClient } from '../generated/client.ts'

/** The client whose reads pass over deleted rows. */
export type SoftDeletingClient = PrismaClient
/** The same inside an interactive transaction. */
export type SoftDeletingTx = Prisma.TransactionClient

export function softDeleting(client: PrismaClient): SoftDeletingClient {
  return client
}
