/** What `auth` does after the fact and by the clock. */
import { effect, schedule, type Job } from '#db'
import { mailedEvents, sendMailFor } from './mails.ts'
import { removeOldSessions, removeOldThrottles, removeOldTokens } from './retention.ts'

export const jobs: readonly Job[] = [
  effect<(typeof mailedEvents)[number]>({ name: 'auth.mail', on: mailedEvents, run: sendMailFor }),
  schedule({ name: 'auth.sessions_retention', cron: '17 3 * * *', run: removeOldSessions }),
  schedule({ name: 'auth.tokens_retention', cron: '27 3 * * *', run: removeOldTokens }),
  schedule({ name: 'auth.throttles_retention', cron: '37 3 * * *', run: removeOldThrottles }),
]
