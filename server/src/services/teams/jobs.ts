/** What `teams` does after the fact. */
import { effect, type Job } from '#db'
import { sendInvitation } from './invitation-mail.ts'

export const jobs: Job[] = [
  effect({ name: 'teams.invitation_mail', on: ['teams.invitation.created', 'teams.invitation.resent'], run: sendInvitation }),
]
