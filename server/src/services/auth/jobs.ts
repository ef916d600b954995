/** What `auth` does after the fact and by the clock. */
import { effect, schedule, type Job } from '#db'
import { mailReactivation } from './account-mails.ts'
import { gatherDataExport, mailDataExportReady } from './data-exports.ts'
import { eraseDueAccounts } from './erasure.ts'
import { mailEmailChanged, mailEmailChangeLinks, mailEmailChangeUndone } from './email-change-mails.ts'
import { mailEmailSignIn, mailStepUpCode } from './email-sign-in-mails.ts'
import { sendApplicationInvitation } from './application-invitation-mail.ts'
import { mailedEvents, sendMailFor } from './mails.ts'
import { linkEvents, mailLinkChange } from './provider-mails.ts'
import { noticedEvents, sendNewPlaceNotice, sendNotice } from './notices.ts'
import { removeOld } from './retention.ts'
import { endUnprovenAccounts } from './unproven-accounts.ts'

export const jobs: readonly Job[] = [
  effect<(typeof mailedEvents)[number]>({ name: 'auth.mail', on: mailedEvents, run: sendMailFor }),
  effect({ name: 'auth.email_change_links', on: ['auth.email_change.requested'], run: mailEmailChangeLinks }),
  effect({ name: 'auth.email_changed_mail', on: ['auth.email_change.completed'], run: mailEmailChanged }),
  effect({ name: 'auth.email_change_undone_mail', on: ['auth.email_change.undone'], run: mailEmailChangeUndone }),
  effect({ name: 'auth.email_sign_in_mail', on: ['auth.email_sign_in.requested'], run: mailEmailSignIn }),
  effect({ name: 'auth.step_up_mail', on: ['auth.step_up.mail_requested'], run: mailStepUpCode }),
  effect<(typeof noticedEvents)[number]>({ name: 'auth.notice', on: noticedEvents, run: sendNotice }),
  effect({ name: 'auth.new_place_notice', on: ['auth.session.started'], run: sendNewPlaceNotice }),
  effect<(typeof linkEvents)[number]>({ name: 'auth.provider_mail', on: linkEvents, run: mailLinkChange }),
  effect({ name: 'auth.application_invitation_mail', on: ['auth.application_invitation.created'], run: sendApplicationInvitation }),
  effect({ name: 'auth.reactivation_mail', on: ['auth.account.deactivated'], run: mailReactivation }),
  effect({ name: 'auth.data_export', on: ['auth.data_export.requested'], run: gatherDataExport }),
  effect({ name: 'auth.data_export_mail', on: ['auth.data_export.ready'], run: mailDataExportReady }),
  schedule({ name: 'auth.unproven_accounts', cron: '7 3 * * *', run: endUnprovenAccounts }),
  schedule({ name: 'auth.erasure', cron: '7 4 * * *', run: eraseDueAccounts }),
  schedule({ name: 'auth.data_exports_retention', cron: '57 3 * * *', run: () => removeOld('dataExports') }),
  schedule({ name: 'auth.application_invitations_retention', cron: '7 4 * * *', run: () => removeOld('applicationInvitations') }),
  schedule({ name: 'auth.sessions_retention', cron: '17 3 * * *', run: () => removeOld('endedSessions', 'expiredSessions') }),
  schedule({ name: 'auth.tokens_retention', cron: '27 3 * * *', run: () => removeOld('tokens') }),
  schedule({ name: 'auth.removed_apps_retention', cron: '47 3 * * *', run: () => removeOld('removedApps') }),
  schedule({ name: 'auth.throttles_retention', cron: '37 3 * * *', run: () => removeOld('throttles') }),
  schedule({ name: 'auth.email_changes_retention', cron: '47 3 * * *', run: () => removeOld('emailChanges') }),
  schedule({ name: 'auth.visits_retention', cron: '57 3 * * *', run: () => removeOld('visits') }),
  schedule({ name: 'auth.api_keys_retention', cron: '17 4 * * *', run: () => removeOld('revokedApiKeys', 'expiredApiKeys') }),
  schedule({
    name: 'auth.application_secrets_retention',
    cron: '27 4 * * *',
    run: () => removeOld('revokedApplicationSecrets', 'expiredApplicationSecrets'),
  }),
  schedule({
    name: 'auth.ways_in_retention',
    cron: '37 4 * * *',
    run: () => removeOld('unlinkedAccounts', 'removedPasskeys', 'removedPasswords'),
  }),
  schedule({ name: 'auth.memberships_retention', cron: '47 4 * * *', run: () => removeOld('endedMemberships') }),
  schedule({ name: 'auth.passkey_challenges_retention', cron: '7 4 * * *', run: () => removeOld('challenges') }),
]
