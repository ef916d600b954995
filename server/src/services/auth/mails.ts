/** The mails that `auth` sends: what each says, and to whom. The address is read when the mail is made, never carried by an event. */
import type { FeedEvent } from '#db'
import { publicUrl } from '#lib/mail.ts'
import { linkFor, notice, sendLetter, when, type Letter } from './letters.ts'
import { addedStays } from './remedies.ts'

type MailedEvent = FeedEvent<
  | 'auth.email_verification.requested'
  | 'auth.sign_up.repeated'
  | 'auth.sign_up.contested'
  | 'auth.password_reset.requested'
  | 'auth.password_reset.completed'
  | 'auth.password.changed'
>

/** Events that a mail is sent for. */
export const mailedEvents = [
  'auth.email_verification.requested',
  'auth.sign_up.repeated',
  'auth.sign_up.contested',
  'auth.password_reset.requested',
  'auth.password_reset.completed',
  'auth.password.changed',
] as const satisfies readonly MailedEvent['name'][]

/**
 * Sends the mail of an event, or none where there is nothing to say any more. A repeated job sends the identical mail: link, Message-ID and
 * Date follow from the event.
 */
export async function sendMailFor(event: MailedEvent): Promise<void> {
  await sendLetter(event, await letterFor(event))
}

async function letterFor(event: MailedEvent): Promise<Letter | null> {
  switch (event.name) {
    case 'auth.email_verification.requested':
      return verification(event.data.tokenId, event.at)
    case 'auth.sign_up.contested':
      return contested(event.data.tokenId)
    case 'auth.password_reset.requested':
      return reset(event.data.tokenId)
    case 'auth.sign_up.repeated':
      return notice(event.user, 'You already have an account', [
        'Somebody, perhaps you, signed up with this address. It has an account already, so nothing was changed.',
        `Sign in at ${publicUrl('/sign-in')}, or choose a new password there if you have forgotten yours.`,
        'If it was not you, do nothing.',
      ])
    case 'auth.password.changed':
      return notice(event.user, 'Your password was changed', [
        `Your password was changed on ${when(event.at)}. Every other session has ended.`,
        `If it was not you, choose a new one at once, which also ends every API key: ${publicUrl('/forgot-password')}`,
        addedStays,
      ])
    case 'auth.password_reset.completed':
      return notice(event.user, 'Your password was set anew', [
        `Your password was set anew by a link from a mail on ${when(event.at)}. Every session has ended.`,
        `If it was not you, somebody reads your mail. Secure your mailbox, then choose a new password: ${publicUrl('/forgot-password')}`,
      ])
  }
}

/** It tells when the sign-up was and not by which name: a stranger's words are not carried to a stranger. */
async function verification(tokenId: string, at: Date): Promise<Letter | null> {
  const link = await linkFor('EMAIL_VERIFICATION', tokenId, '/verify-email')
  return (
    link && {
      to: link.to,
      subject: 'Confirm your email address',
      paragraphs: [
        `Somebody, perhaps you, signed up with this address on ${when(at)}. Confirm that it is yours:`,
        link.url,
        'The link works once, for 24 hours. If it was not you, do nothing: without the link the account cannot be used.',
      ],
    }
  )
}

async function contested(tokenId: string): Promise<Letter | null> {
  const link = await linkFor('PASSWORD_RESET', tokenId, '/reset-password')
  return (
    link && {
      to: link.to,
      subject: 'Choose your password',
      paragraphs: [
        'You confirmed this address. It was signed up with more than once, with different passwords, perhaps not all by you. So none of them counts. Choose yours here:',
        link.url,
        `The link works once, for 20 minutes. A new one is to be had at ${publicUrl('/forgot-password')}`,
      ],
    }
  )
}

async function reset(tokenId: string): Promise<Letter | null> {
  const link = await linkFor('PASSWORD_RESET', tokenId, '/reset-password')
  return (
    link && {
      to: link.to,
      subject: 'Choose a new password',
      paragraphs: [
        'Somebody, perhaps you, asked for a new password for the account of this address. Choose it here:',
        link.url,
        'The link works once, for 20 minutes. If it was not you, do nothing: your password stays as it is.',
      ],
    }
  )
}
