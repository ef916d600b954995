/** The activity log, read back: who did what, on what, when. */
import { z } from 'zod'
import { ApiKeyId, UserId } from '#lib/ids.ts'
import { database } from './client.ts'
import type { EventScope } from './events.ts'
import type { ActivityModel } from './generated/models.ts'
import type { Service } from './models.ts'
import { keyset, type Page, type PageOf } from './pagination.ts'
import { currentTransaction } from './unit.ts'

/** One thing that happened, as a list shows it. */
export const ActivityEntry = z.object({
  id: z.uuid(),
  event: z.string(),
  /** The person who acted; null for strangers and for the system. */
  actorId: UserId.nullable(),
  /** The key by which they acted, where it was no session. */
  apiKeyId: ApiKeyId.nullable(),
  /** The administrator who acted in their name. */
  impersonatorId: UserId.nullable(),
  /** The person it is about. */
  userId: UserId.nullable(),
  data: z.record(z.string(), z.json()),
  at: z.date(),
})
export type ActivityEntry = z.infer<typeof ActivityEntry>

/** Lists what happened in a service to this team, or this person, newest first. */
export async function activityOf(
  service: Service,
  { team, user }: EventScope,
  page: Pick<Page, 'cursor' | 'limit'>,
): Promise<PageOf<ActivityEntry>> {
  const { where, take, cut } = keyset(page, 'id', { order: 'desc' })
  const about = { service, ...(team !== undefined && { teamId: team }), ...(user !== undefined && { userId: user }) }
  const client = currentTransaction() ?? database().prisma
  const { items, nextCursor } = cut(await client.activity.findMany({ where: { ...about, ...where }, orderBy: { id: 'desc' }, take }))
  return { items: items.map(present), nextCursor }
}

/** From where something was done, as long as that is kept: thirty days. */
export interface Origin {
  readonly address: string | null
  readonly userAgent: string | null
}

/** Gives from where these entries of a service's activity came, by id. One query, whatever the number. */
export async function originsOf(service: Service, ids: readonly string[]): Promise<Map<string, Origin>> {
  const client = currentTransaction() ?? database().prisma
  const rows = await client.activityOrigin.findMany({ where: { service, activityId: { in: [...ids] } } })
  return new Map(rows.map(({ activityId, address, userAgent }) => [activityId, { address, userAgent }]))
}

function present(row: ActivityModel): ActivityEntry {
  return {
    id: row.id,
    event: row.event,
    actorId: row.actorKind === 'USER' && row.actorId !== null ? UserId.parse(row.actorId) : null,
    apiKeyId: row.apiKeyId === null ? null : ApiKeyId.parse(row.apiKeyId),
    impersonatorId: row.impersonatorId === null ? null : UserId.parse(row.impersonatorId),
    userId: row.userId === null ? null : UserId.parse(row.userId),
    data: row.data as ActivityEntry['data'],
    at: row.createdAt,
  }
}
