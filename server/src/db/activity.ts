/** The activity log, read back: who did what, on what, when. */
import type { z } from 'zod'
import type { UserId } from '#lib/ids.ts'
import type { EventScope } from './events.ts'
import type { Service } from './models.ts'
import type { Page, PageOf } from './pagination.ts'

export interface ActivityEntry {
  id: string
  event: string
  /** The person who acted; null for strangers and for the system. */
  actorId: UserId | null
  /** The person it is about. */
  userId: UserId | null
  data: Record<string, z.core.util.JSONType>
  at: Date
}

/** Lists what happened in a service to this team or this person, newest first. */
export async function activityOf(_service: Service, _scope: EventScope, _page: Page): Promise<PageOf<ActivityEntry>> {
  throw new Error('not written yet')
}
