/** The mail that carries an invitation. */
import { db, type FeedEvent } from '#db'
import { publicUrl, sendMail } from '#lib/mail.ts'
import { unlinked } from '#lib/text.ts'
import { UserId } from '#lib/ids.ts'
import { goodToken, tokenFor, usersByIds } from '../auth/index.ts'

/**
 * Sends the invitation, unless it has ended or was sent anew meanwhile. The link is derived anew from the token's id, and the message id from the event:
 * a repeat sends the same mail, and mail servers drop it.
 */
export async function sendInvitation(event: FeedEvent<'teams.invitation.created' | 'teams.invitation.resent'>): Promise<void> {
  const { invitationId, tokenId } = event.data
  const invitation = await db('teams').teamInvitation.findFirst({
    where: { id: invitationId, acceptedAt: null },
    include: { team: true },
  })
  if (!invitation || !(await goodToken(tokenId))) return
  const inviter = (await usersByIds([UserId.parse(invitation.invitedById)])).values().next().value
  const link = publicUrl('/invitation', { token: tokenFor('TEAM_INVITATION', tokenId) })
  // Both are a stranger's words to whoever reads this.
  const name = unlinked(invitation.team.name)
  await sendMail({
    id: event.id,
    at: event.at,
    to: invitation.email,
    subject: `Join ${name}`,
    text: [
      `${unlinked(inviter?.name ?? 'Somebody')} invites you to the team ${name}.`,
      '',
      `Accept here: ${link}`,
      '',
      'The link works once, for seven days, and for this address alone. If you do not know the team, do nothing.',
    ].join('\n'),
  })
}
