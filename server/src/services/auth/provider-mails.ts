/** The mails about sign-in elsewhere: whoever can link what they are there can come back, so the owner hears of it. */
import type { FeedEvent } from '#db'
import { notice, sendLetter, when } from './letters.ts'
import { nameOfProvider } from './providers.ts'
import { addedStays, newPassword, undoable } from './remedies.ts'

type LinkEvent = FeedEvent<'auth.provider.linked' | 'auth.provider.unlinked'>

/** Events that the owner of the account is told of. */
export const linkEvents = ['auth.provider.linked', 'auth.provider.unlinked'] as const satisfies readonly LinkEvent['name'][]

const nothingToDo = 'If it was you, there is nothing to do.'

/** Tells the owner of an account that a way to sign in was added, with the link that takes it back, or that one was taken away. */
export async function mailLinkChange(event: LinkEvent): Promise<void> {
  const name = nameOfProvider(event.data.provider)
  const isLinked = event.name === 'auth.provider.linked'
  const [subject, sentence] = isLinked
    ? [`You can sign in with ${name}`, `Your account can be signed in to with ${name} since ${when(event.at)}.`]
    : [`You can no longer sign in with ${name}`, `${name} was unlinked from your account on ${when(event.at)}.`]
  const said = [sentence, nothingToDo]
  const letter =
    'tokenId' in event.data
      ? await undoable(event.data.tokenId, subject, said)
      : await notice(event.user, subject, [...said, newPassword(), addedStays])
  await sendLetter(event, letter)
}
