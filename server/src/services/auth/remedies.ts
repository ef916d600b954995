/** What a mail tells to do against whoever was in an account: what really ends their way in, and what is left of it. */
import { publicUrl } from '#lib/mail.ts'
import { linkFor, type Letter } from './letters.ts'

/** Where a new password is chosen. It ends what somebody is signed in by, and nothing that was added to sign in by. */
export function newPassword(): string {
  return `If it was not you, choose a new password, which ends every session and API key: ${publicUrl('/forgot-password')}`
}

/** What is left when a password was chosen. */
export const addedStays =
  'A new password takes away nothing that somebody added to sign in by: a passkey, an authenticator app, a provider. ' +
  'The mail about each of them has a link that does, for seven days.'

/**
 * The letter about something that was added to sign in by: with the link that takes it back, to the address that it was issued for. None where the
 * link is good no more.
 */
export async function undoable(tokenId: string, subject: string, said: readonly string[]): Promise<Letter | null> {
  const link = await linkFor('FACTOR_UNDO', tokenId, '/undo-factor')
  if (!link) return null
  const remedy = [
    'If it was not you, somebody is in your account. Take it back within seven days, which also ends every session and API key:',
    link.url,
    `Then choose a new password, in case they know yours: ${publicUrl('/forgot-password')}`,
  ]
  return { to: link.to, subject, paragraphs: [...said, ...remedy] }
}
