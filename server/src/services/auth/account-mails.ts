/** The mails about leaving. */
import type { FeedEvent } from '#db'
import { linkFor, sendLetter, when } from './letters.ts'

/** Tells the owner of a deactivated account how it is taken back. */
export async function mailReactivation(event: FeedEvent<'auth.account.deactivated'>): Promise<void> {
  const link = await linkFor('ACCOUNT_REACTIVATION', event.data.tokenId, '/reactivate')
  if (!link) return
  await sendLetter(event, {
    to: link.to,
    subject: 'Your account was deactivated',
    paragraphs: [
      `Your account was deactivated on ${when(event.at)}. In thirty days, what is held of you is erased for good.`,
      'If you did not want that, or no longer do, take it back within thirty days, then sign in as before:',
      link.url,
    ],
  })
}
