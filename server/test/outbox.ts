/** Events as a committed transaction leaves them in the outbox, for tests of what comes after. */
import { randomUUID } from 'node:crypto'
import type pg from 'pg'

export interface PutEvent {
  readonly service?: string
  readonly name?: string
  readonly team?: string
  readonly data?: object
  /** The event's own id, where the test wants to know it. */
  readonly id?: string
}

/** Writes one event to the outbox through `client`, in its transaction if it has one open. Gives the event's id. */
export async function putEvent(client: Pick<pg.Client, 'query'>, event: PutEvent = {}): Promise<string> {
  const { service = 'teams', name = 'teams.team.created', team = null, data = {}, id = randomUUID() } = event
  await client.query(
    `INSERT INTO core.outbox (service, event_id, event, actor_kind, actor_id, team_id, data, created_at)
     VALUES ($1, $2, $3, 'SYSTEM', 'test', $4, $5, core.clock())`,
    [service, id, name, team, data],
  )
  return id
}

/** Waits until `check` gives something other than false or undefined, looking every 10 ms. Throws after `ms`. */
export async function eventually<T>(check: () => Promise<T> | T, ms = 10_000): Promise<Exclude<T, false | undefined>> {
  const deadline = Date.now() + ms
  for (;;) {
    const found = await check()
    if (found !== false && found !== undefined) return found as Exclude<T, false | undefined>
    if (Date.now() > deadline) throw new Error(`It did not come true within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
