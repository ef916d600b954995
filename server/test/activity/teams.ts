/** What is done to teams and profiles, held against the log. */
import type { Browser } from '../browser.ts'
import { newPerson } from './people.ts'
import { ids, type Stage } from './stage.ts'

const [owner, member] = ['tina@example.com', 'tom@example.com']

/** A team, its owner and somebody else. */
interface Company {
  readonly team: string
  readonly tina: Browser
  readonly tom: Browser
  /** Tom's id. */
  readonly userId: string
}

export async function teams(stage: Stage): Promise<void> {
  const { leaves } = stage
  const [tina, tom] = [await newPerson(stage, owner), await newPerson(stage, member)]
  const made = await tina.mutate('teams.create', { name: 'Red', slug: 'red' })
  const { id: team } = made.data as { id: string }
  await leaves(Promise.resolve(made), 200, { event: 'teams.team.created', by: owner, about: owner, team })
  const { id: userId } = (await tom.query('auth.me')).data as { id: string }
  const company = { team, tina, tom, userId }
  await invitations(stage, company)
  await changes(stage, company)
  await members(stage, company)
  const deletion = ids('deletionId')
  await leaves(tina.mutate('teams.delete', { teamId: team }), 200, { event: 'teams.team.deleted', by: owner, team, data: deletion })
  await leaves(tina.mutate('teams.restore', { teamId: team }), 200, { event: 'teams.team.restored', by: owner, team, data: deletion })
}

async function invitations({ leaves, mailed }: Stage, { team, tina, tom }: Company): Promise<void> {
  const teamId = team
  const invite = () => tina.mutate('teams.invitation.create', { teamId, email: member, role: 'MEMBER' })
  const said = (event: string, data: object) => ({ event: `teams.invitation.${event}`, by: owner, team, data })
  const { id: invitationId } = (await leaves(invite(), 200, said('created', { ...ids('invitationId', 'tokenId'), role: 'MEMBER' })))
    .data as {
    id: string
  }
  const one = { teamId, invitationId }
  await leaves(tina.mutate('teams.invitation.resend', one), 200, said('resent', { invitationId, ...ids('tokenId'), role: 'MEMBER' }))
  await leaves(tina.mutate('teams.invitation.revoke', one), 200, said('revoked', { invitationId, role: 'MEMBER' }))
  const { id } = (await invite()).data as { id: string }
  const token = await mailed(member, /#token=(?<found>pln_i_[\w-]+)/)
  const accept = (who: Browser, given: string) => who.mutate('teams.invitation.accept', { token: given })
  const refused = (who: string, invitation: unknown, reason: string) => ({
    event: 'teams.invitation.refused',
    by: who,
    about: who,
    data: { invitationId: invitation, reason },
  })
  await leaves(accept(tom, 'pln_i_unknown'), 400, refused(member, null, 'TOKEN'))
  await leaves(accept(tina, token), 403, { ...refused(owner, id, 'ADDRESS'), team })
  const accepted = { event: 'teams.invitation.accepted', by: member, about: member, team, data: { invitationId: id, role: 'MEMBER' } }
  await leaves(accept(tom, token), 200, accepted)
  const waiting = { teamId, email: 'x@example.com', role: 'VIEWER' }
  const { id: other } = (await tina.mutate('teams.invitation.create', waiting)).data as { id: string }
  const beyond = { event: 'teams.invitation.creation_refused', by: member, about: member, team, data: { role: 'VIEWER' } }
  await leaves(tom.mutate('teams.invitation.create', waiting), 403, beyond)
  for (const does of ['resend', 'revoke'])
    await leaves(tom.mutate(`teams.invitation.${does}`, { teamId, invitationId: other }), 403, beyond)
}

async function changes({ leaves }: Stage, { team, tina, tom }: Company): Promise<void> {
  const teamId = team
  const updated = (field: string) => ({ event: 'teams.team.updated', by: owner, team, data: { fields: [field] } })
  const contact = { teamId, name: 'Tina', email: 'bills@example.com', address: null, taxId: null }
  await leaves(tina.mutate('teams.update', { teamId, version: 1, name: 'Blue' }), 200, updated('name'))
  await leaves(tina.mutate('teams.settings.update', { teamId, adminsInvite: false }), 200, updated('settings'))
  await leaves(tina.mutate('teams.billingContact.set', contact), 200, updated('billingContact'))
  const refused = { event: 'teams.team.update_refused', by: member, about: member, team }
  await leaves(tom.mutate('teams.update', { teamId, version: 2, name: 'Mine' }), 403, refused)
  await leaves(tom.mutate('teams.settings.update', { teamId, adminsInvite: true }), 403, refused)
  await leaves(tom.mutate('teams.billingContact.set', contact), 403, refused)
  await leaves(tom.mutate('teams.delete', { teamId }), 403, { event: 'teams.team.deletion_refused', by: member, about: member, team })
}

async function members({ leaves, mailed }: Stage, { team, tina, tom, userId }: Company): Promise<void> {
  const { id } = (await tina.query('auth.me')).data as { id: string }
  const does = (who: Browser, what: string, more: object = { userId }) => who.mutate(`teams.member.${what}`, { teamId: team, ...more })
  const said = (event: string, data: object = {}, by = owner, about = member) => ({ event: `teams.member.${event}`, by, about, team, data })
  const comeIn = async () => {
    await tina.mutate('teams.invitation.create', { teamId: team, email: member, role: 'MEMBER' })
    await tom.mutate('teams.invitation.accept', { token: await mailed(member, /#token=(?<found>pln_i_[\w-]+)/) })
  }
  const owns = (who: string) => ({ userId: who, role: 'OWNER' })
  await leaves(does(tom, 'changeRole', owns(userId)), 403, said('role_change_refused', { to: 'OWNER', reason: 'NOT_OWNER' }, member))
  await leaves(
    does(tina, 'changeRole', { userId: id, role: 'VIEWER' }),
    409,
    said('role_change_refused', { to: 'VIEWER', reason: 'LAST_OWNER' }, owner, owner),
  )
  await leaves(does(tina, 'changeRole', { userId, role: 'ADMIN' }), 200, said('role_changed', { from: 'MEMBER', to: 'ADMIN' }))
  await leaves(does(tom, 'transfer'), 403, said('transfer_refused', {}, member))
  await leaves(does(tom, 'remove', { userId: id }), 403, said('removal_refused', { reason: 'NOT_ALLOWED' }, member, owner))
  await leaves(does(tina, 'leave', {}), 409, said('removal_refused', { reason: 'LAST_OWNER' }, owner, owner))
  await leaves(does(tina, 'transfer'), 200, said('transferred', { from: 'ADMIN' }))
  await leaves(does(tom, 'transfer', { userId: id }), 200, said('transferred', { from: 'ADMIN' }, member, owner))
  await leaves(does(tom, 'leave', {}), 200, said('left', { role: 'ADMIN' }, member))
  await comeIn()
  await leaves(does(tina, 'remove'), 200, said('removed', { role: 'MEMBER' }))
}
