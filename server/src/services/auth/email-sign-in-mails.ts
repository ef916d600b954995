/** The mails that sign somebody in. */
import type { FeedEvent } from '#db'
import { codeOf } from './email-codes.ts'
import { linkFor, sendLetter, when } from './letters.ts'
import { goodToken } from './tokens.ts'

/** Sends the link and the code of a sign-in, to an address that has an account. */
export async function mailEmailSignIn(event: FeedEvent<'auth.email_sign_in.requested'>): Promise<void> {
  const { tokenId } = event.data
  const token = await goodToken(tokenId)
  const link = token?.userId ? await linkFor('EMAIL_SIGN_IN', tokenId, '/sign-in/email') : null
  if (!link) return
  const paragraphs = [
    `Somebody, perhaps you, wants to sign in to your account. It was asked for on ${when(event.at)}.`,
    `Where you asked for it, type this code: ${codeOf('EMAIL_SIGN_IN', tokenId)}`,
    'Or follow this link:',
    link.url,
    'Either works once, for 10 minutes. Tell the code to nobody and type it on no other page. If it was not you, do nothing.',
  ]
  await sendLetter(event, { to: link.to, subject: 'Sign in', paragraphs })
}

/** Sends the code by which a person proves once more who they are. */
export async function mailStepUpCode(event: FeedEvent<'auth.step_up.mail_requested'>): Promise<void> {
  const { tokenId } = event.data
  const token = await goodToken(tokenId)
  if (!token?.email) return
  const paragraphs = [
    `Somebody who is signed in to your account, perhaps you, is to prove once more who they are. It was asked for on ${when(event.at)}.`,
    `Type this code there: ${codeOf('EMAIL_STEP_UP', tokenId)}`,
    'It works once, for 10 minutes. Tell it to nobody and type it on no other page. If it was not you, somebody else is signed in to your account: end its sessions.',
  ]
  await sendLetter(event, { to: token.email, subject: 'Confirm that it is you', paragraphs })
}
