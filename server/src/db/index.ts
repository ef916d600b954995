/** The database, as services, jobs and the process see it. */
export { connectDatabase, disconnectDatabase, type DatabaseConfig } from './client.ts'
export { db, withDeleted, type ReadingModels } from './db.ts'
export { prepared } from './prepared.ts'
export { apart } from './apart.ts'
export { transaction, type Tx } from './transaction.ts'
export { refuse, type Refusal } from './refusal.ts'
export { defineEvents, listEvents, type EventsOf, type EventName, type Events, type EventScope } from './events.ts'
export {
  consumer,
  effect,
  schedule,
  runConsumer,
  type Consumer,
  type Effect,
  type FeedEvent,
  type Job,
  type Schedule,
} from './consumers.ts'
export { watchFeed } from './feed-watch.ts'
export { activityOf, ActivityEntry, originsOf, type Origin } from './activity.ts'
export { asAppError, conflictOn } from './errors.ts'
export { ErrorEntry, ErrorPage, keepError, listErrors, settleErrors } from './error-log.ts'
export { DbNull } from './generated/internal/prismaNamespace.ts'
export { purgeExpiredKeys } from './idempotency.ts'
export { keyset, Page, pageOf, type PageOf } from './pagination.ts'
export { nextVersion, refuseStale, Version } from './version.ts'
export type { Models, ModelOf, Row, Service } from './models.ts'
