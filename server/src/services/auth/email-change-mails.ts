/** The mails about another address: to the old one and to the new one, each what it needs to know. */
import { db, type FeedEvent } from '#db'
import { publicUrl } from '#lib/mail.ts'
import { linkFor, notice, sendLetter, when, type Letter } from './letters.ts'
import { goodToken } from './tokens.ts'

/** Sends the links of a request: one asks the old address for its consent, one proves the new. */
export async function mailEmailChangeLinks(event: FeedEvent<'auth.email_change.requested'>): Promise<void> {
  await sendLetter(event, await approval(event.data.approvalId), '-old')
  await sendLetter(event, await proof(event.data.proofId), '-new')
}

/** Tells both addresses that the account has another one. The old one can take it back. */
export async function mailEmailChanged(event: FeedEvent<'auth.email_change.completed'>): Promise<void> {
  await sendLetter(event, await undo(event.data.tokenId, event.at), '-old')
  const welcome = [`On ${when(event.at)} this became the address of your account. From now on you sign in with it, and mails come here.`]
  await sendLetter(event, await notice(event.user, 'Your email address was changed', welcome), '-new')
}

/** Tells the address that took a change back what to do next. */
export async function mailEmailChangeUndone(event: FeedEvent<'auth.email_change.undone'>): Promise<void> {
  const paragraphs = [
    `The change of your address was taken back on ${when(event.at)}. Every session and API key has ended. A password that was set since it was asked for, and what was added since to sign in by, are gone.`,
    `If you did not ask for that change, somebody was in your account: choose a new password now: ${publicUrl('/forgot-password')}`,
  ]
  await sendLetter(event, await notice(event.user, 'Your email address is the former one again', paragraphs))
}

async function approval(tokenId: string): Promise<Letter | null> {
  const link = await linkFor('EMAIL_CHANGE_APPROVAL', tokenId, '/approve-email-change')
  const token = link && (await goodToken(tokenId))
  const change = token && (await db('auth').emailChange.findFirst({ where: { userId: token.userId ?? '', completedAt: null } }))
  return (
    change && {
      to: link.to,
      subject: 'Do you want another email address for your account?',
      paragraphs: [
        `Somebody signed in to your account asked to change its address to ${change.toEmail}. If it was you, agree:`,
        link.url,
        'The link works once, for an hour, and the new address has to be proven as well.',
        `If it was not you, do not follow it: somebody is in your account. Choose a new password now: ${publicUrl('/forgot-password')}`,
      ],
    }
  )
}

/** The reader of an address that has an account is told so, and nothing of who asked. */
async function proof(tokenId: string): Promise<Letter | null> {
  const token = await goodToken(tokenId)
  const link = await linkFor('EMAIL_CHANGE_PROOF', tokenId, '/confirm-email-change')
  if (!token || !link) return null
  if (token.userId === null) {
    return {
      to: link.to,
      subject: 'You already have an account',
      paragraphs: [
        'Somebody, perhaps you, asked to use this address for another account. It has an account already, so nothing was changed.',
      ],
    }
  }
  return {
    to: link.to,
    subject: 'Confirm your new email address',
    paragraphs: [
      'Somebody, perhaps you, asked to use this address for an account. Confirm it where you are signed in:',
      link.url,
      'The link works once, for an hour. If it was not you, do nothing.',
    ],
  }
}

async function undo(tokenId: string, at: Date): Promise<Letter | null> {
  const link = await linkFor('EMAIL_CHANGE_UNDO', tokenId, '/undo-email-change')
  return (
    link && {
      to: link.to,
      subject: 'Your email address was changed',
      paragraphs: [
        `The address of your account was changed on ${when(at)}, and this one is no longer it. If it was you, there is nothing to do.`,
        'If it was not you, take it back within seven days. Every session and API key ends then, and a password that was set since it was asked for, and what was added since to sign in by, are removed:',
        link.url,
      ],
    }
  )
}
