/** Soft delete: deleting marks, reading passes over what is marked, and three deliberate ways around it (decision 002). */
export { softDeleting, type SoftDeletingClient, type SoftDeletingTx } from './extension.ts'
export { purge, restore, withDeleted, type ModelProperty, type ReadingClient } from './deliberate.ts'
