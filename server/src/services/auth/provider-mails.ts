/** The mails about sign-in elsewhere: whoever can link what they are there can come back, so the owner hears of it. */
import type { FeedEvent } from '#db'
import { publicUrl } from '#lib/mail.ts'
import { notice, sendLetter, when } from './letters.ts'
import { nameOfProvider } from './providers.ts'

type LinkEvent = FeedEvent<'auth.provider.linked' | 'auth.provider.unlinked'>

/** Events that the owner of the account is told of. */
export const linkEvents = ['auth.provider.linked', 'auth.provider.unlinked'] as const satisfies readonly LinkEvent['name'][]

/** Tells the owner of an account that a way to sign in was added, or taken away. */
export async function mailLinkChange(event: LinkEvent): Promise<void> {
  const name = nameOfProvider(event.data.provider)
  const isLinked = event.name === 'auth.provider.linked'
  const [subject, sentence] = isLinked
    ? [`You can sign in with ${name}`, `Your account can be signed in to with ${name} since ${when(event.at)}.`]
    : [`You can no longer sign in with ${name}`, `${name} was unlinked from your account on ${when(event.at)}.`]
  const remedy = `If it was not you, somebody is in your account: choose a new password, which ends every session, and look at what is linked: ${publicUrl('/forgot-password')}`
  await sendLetter(event, await notice(event.user, subject, [sentence, 'If it was you, there is nothing to do.', remedy]))
}
