/** The mail that carries an invitation to an application. */
import { db, type FeedEvent } from '#db'
import { publicUrl, sendMail } from '#lib/mail.ts'
import { unlinked } from '#lib/text.ts'
import { tokenFor } from './tokens.ts'

/** Sends the invitation, unless it has ended meanwhile. A repeat sends the same mail, and mail servers drop it. */
export async function sendApplicationInvitation(event: FeedEvent<'auth.application_invitation.created'>): Promise<void> {
  const { invitationId, tokenId } = event.data
  const invitation = await db('auth').applicationInvitation.findFirst({
    where: { id: invitationId, acceptedAt: null },
    include: { application: true },
  })
  if (!invitation) return
  const inviter = await db('auth').user.findFirst({ where: { id: invitation.invitedById }, select: { name: true } })
  const link = publicUrl('/application-invitation', { token: tokenFor('APPLICATION_INVITATION', tokenId) })
  // Both are a stranger's words to whoever reads this.
  const name = unlinked(invitation.application.name)
  await sendMail({
    id: event.id,
    at: event.at,
    to: invitation.email,
    subject: `Use ${name}`,
    text: [
      `${unlinked(inviter?.name ?? 'Somebody')} invites you to the application ${name}.`,
      '',
      `Accept here: ${link}`,
      '',
      'The link works once, for seven days, and for this address alone. If you do not know the application, do nothing.',
      '',
    ].join('\n'),
  })
}
