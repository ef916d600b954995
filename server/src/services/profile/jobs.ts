/** What `profile` does after the fact and by the clock. */
import { consumer, schedule, type Job } from '#db'
import { followAccount, makeMissingProfiles } from './accounts.ts'

export const jobs: readonly Job[] = [
  consumer({
    name: 'profile.account',
    on: ['auth.user.created', 'auth.email.verified', 'auth.administrator.created'],
    inTransaction: followAccount,
  }),
  schedule({ name: 'profile.missing', cron: '47 3 * * *', run: makeMissingProfiles }),
]
