/** What `auth` does after the fact and by the clock. */
import { effect, schedule, transaction, type Job } from '#db'
import type { SystemActor } from '#lib/actor.ts'
import { log } from '#lib/log.ts'
import { mailedEvents, sendMailFor } from './mails.ts'

const cleaner: SystemActor = { kind: 'SYSTEM', name: 'auth.retention' }
const day = 24 * 60 * 60 * 1000

export const jobs: readonly Job[] = [
  effect<(typeof mailedEvents)[number]>({ name: 'auth.mail', on: mailedEvents, run: sendMailFor }),
  schedule({ name: 'auth.retention', cron: '17 3 * * *', run: removeOld }),
]

/** Removes for good what has served (identity research, section 5): sessions 30 days after their end, tokens a day after theirs, counters when their window has closed. */
async function removeOld(): Promise<void> {
  const removed = await transaction('auth', cleaner, async (tx) => {
    const monthAgo = new Date(tx.now.getTime() - 30 * day)
    const dayAgo = new Date(tx.now.getTime() - day)
    const ended = [{ revokedAt: { lt: monthAgo } }, { expiresAt: { lt: monthAgo } }, { idleExpiresAt: { lt: monthAgo } }]
    return {
      sessions: await tx.purge('session', { OR: ended }),
      tokens: await tx.purge('verificationToken', { expiresAt: { lt: dayAgo } }),
      throttles: await tx.purge('throttle', { windowEndsAt: { lt: tx.now } }),
    }
  })
  log.info(removed, 'Old sessions, tokens and counters were removed.')
}
