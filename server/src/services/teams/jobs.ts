/** What `teams` does after the fact and by the clock. */
import { effect, schedule, type Job } from '#db'
import { removeRows } from '#db/removals.ts'
import { sendInvitation } from './invitation-mail.ts'
import { removals } from './retention.ts'

export const jobs: Job[] = [
  effect({ name: 'teams.invitation_mail', on: ['teams.invitation.created', 'teams.invitation.resent'], run: sendInvitation }),
  schedule({ name: 'teams.retention', cron: '37 4 * * *', run: () => removeRows(removals) }),
]
