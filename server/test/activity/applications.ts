/** What is done to applications, their people and the keys of tools, held against the log. */
import type { Browser } from '../browser.ts'
import { newPerson } from './people.ts'
import { ids, type Stage } from './stage.ts'

const unknown = '01991f0e-7b1c-7000-8000-000000000000'
const [owner, member] = ['anna@example.com', 'ben@example.com']

export async function apiKeys(stage: Stage): Promise<void> {
  const [{ leaves, open }, about] = [stage, 'kim@example.com']
  const browser = await newPerson(stage, about)
  const own = { by: about, about }
  const create = browser.mutate('auth.apiKey.create', { name: 'tool', scopes: ['profile.*'] })
  const created = { event: 'auth.api_key.created', ...own, data: { ...ids('apiKeyId'), membershipId: null } }
  const { id, key } = (await leaves(create, 200, created)).data as { id: string; key: string }
  const refused = (asked: string) => ({ event: 'auth.account.refused', ...own, data: { asked, reason: 'UNKNOWN' } })
  const forOther = { name: 'tool', scopes: ['profile.*'], applicationId: 'tz4a98xxat96iws9zmbrgj3a' }
  await leaves(browser.mutate('auth.apiKey.create', forOther), 404, refused('apiKey.create'))
  const changed = { event: 'profile.profile.updated', ...own, apiKey: id, data: { fields: ['displayName'], version: 2 } }
  await leaves(open(key).mutate('profile.update', { version: 1, displayName: 'Kim' }), 200, changed)
  const revoke = () => browser.mutate('auth.apiKey.revoke', { apiKeyId: id })
  await leaves(revoke(), 200, { event: 'auth.api_key.revoked', ...own, data: { apiKeyId: id } })
  await leaves(revoke(), 404, refused('apiKey.revoke'))
}

export async function applications(stage: Stage): Promise<void> {
  const { leaves } = stage
  const [anna, ben] = [await newPerson(stage, owner), await newPerson(stage, member)]
  const own = { by: owner, about: owner }
  const create = anna.mutate('auth.application.create', { type: 'WEB', name: 'Shop' })
  const joined = { ...ids('applicationId', 'membershipId'), role: 'OWNER', how: 'CREATED' }
  const made = await leaves(
    create,
    200,
    { event: 'auth.application.created', ...own, data: { ...ids('applicationId'), type: 'WEB' } },
    { event: 'auth.membership.created', ...own, data: joined },
  )
  const { id: applicationId } = made.data as { id: string }
  const update = { applicationId, version: 1, name: 'Store' }
  await leaves(anna.mutate('auth.application.update', update), 200, {
    event: 'auth.application.updated',
    ...own,
    data: { applicationId, fields: ['name'] },
  })
  await secrets(stage, anna, applicationId)
  await memberships(stage, anna, ben, applicationId)
  const deletion = { applicationId, ...ids('deletionId') }
  await leaves(anna.mutate('auth.application.delete', { applicationId }), 200, {
    event: 'auth.application.deleted',
    ...own,
    data: deletion,
  })
  const notTheirs = { event: 'auth.account.refused', by: member, about: member, data: { asked: 'application.restore', reason: 'UNKNOWN' } }
  await leaves(ben.mutate('auth.application.restore', { applicationId }), 404, notTheirs)
  await leaves(anna.mutate('auth.application.restore', { applicationId }), 200, {
    event: 'auth.application.restored',
    ...own,
    data: deletion,
  })
}

async function secrets({ leaves }: Stage, anna: Browser, applicationId: string): Promise<void> {
  const own = { by: owner, about: owner }
  const created = { event: 'auth.application_secret.created', ...own, data: { applicationId, ...ids('secretId') } }
  const { id: secretId } = (await leaves(anna.mutate('auth.applicationSecret.create', { applicationId, name: 'x' }), 200, created))
    .data as {
    id: string
  }
  const revoke = () => anna.mutate('auth.applicationSecret.revoke', { applicationId, secretId })
  await leaves(revoke(), 200, { event: 'auth.application_secret.revoked', ...own, data: { applicationId, secretId } })
  const refused = { applicationId, asked: 'secret.revoke', reason: 'UNKNOWN' }
  await leaves(revoke(), 404, { event: 'auth.application.refused', ...own, data: refused })
}

async function memberships(stage: Stage, anna: Browser, ben: Browser, applicationId: string): Promise<void> {
  const { leaves } = stage
  const membershipId = await joinBy(stage, anna, ben, applicationId)
  const refused = (who: string, asked: string, reason: string) => ({
    event: 'auth.application.refused',
    by: who,
    about: who,
    data: { applicationId, asked, reason },
  })
  const change = (who: Browser, role: string, which = membershipId) =>
    who.mutate('auth.membership.changeRole', { applicationId, membershipId: which, role })
  for (const [procedure, asked, more] of [
    ['application.update', 'update', { version: 1 }],
    ['application.delete', 'delete', {}],
    ['applicationSecret.create', 'secret.create', { name: 'x' }],
    ['applicationSecret.revoke', 'secret.revoke', { secretId: unknown }],
    ['membership.changeRole', 'changeRole', { membershipId, role: 'OWNER' }],
    ['membership.update', 'update', { membershipId, version: 1 }],
    ['membership.remove', 'remove', { membershipId: 'tz4a98xxat96iws9zmbrgj3a' }],
    ['applicationInvitation.create', 'invite', { email: 'x@example.com', role: 'USER' }],
    ['applicationInvitation.revoke', 'invitation.revoke', { invitationId: unknown }],
  ] as const)
    await leaves(ben.mutate(`auth.${procedure}`, { applicationId, ...more }), 403, refused(member, asked, 'ROLE'))
  await leaves(change(anna, 'USER', 'tz4a98xxat96iws9zmbrgj3a'), 404, refused(owner, 'changeRole', 'UNKNOWN'))
  const changed = {
    event: 'auth.membership.role_changed',
    by: owner,
    about: member,
    data: { applicationId, membershipId, from: 'USER', to: 'ADMIN' },
  }
  await leaves(change(anna, 'ADMIN'), 200, changed)
  const [mine] = await stage.ask<{ id: string }>(`SELECT id FROM auth.memberships WHERE application_id = $1 AND role = 'OWNER'`, [
    applicationId,
  ])
  await leaves(change(anna, 'USER', mine?.id), 409, refused(owner, 'changeRole', 'LAST_OWNER'))
  const update = { applicationId, membershipId, version: 1, metadata: { plan: 'gold' } }
  const updated = {
    event: 'auth.membership.updated',
    by: owner,
    about: member,
    data: { applicationId, membershipId, fields: ['metadata'] },
  }
  await leaves(anna.mutate('auth.membership.update', update), 200, updated)
  const remove = () => ben.mutate('auth.membership.remove', { applicationId, membershipId })
  const left = { event: 'auth.membership.ended', by: member, about: member, data: { applicationId, membershipId, reason: 'LEFT' } }
  await leaves(remove(), 200, left)
}

async function joinBy({ leaves, mailed }: Stage, anna: Browser, ben: Browser, applicationId: string): Promise<string> {
  const invite = () => anna.mutate('auth.applicationInvitation.create', { applicationId, email: member, role: 'USER' })
  const invited = {
    event: 'auth.application_invitation.created',
    by: owner,
    data: { applicationId, ...ids('invitationId', 'tokenId'), role: 'USER' },
  }
  const { id: invitationId } = (await leaves(invite(), 200, invited)).data as { id: string }
  const revoke = () => anna.mutate('auth.applicationInvitation.revoke', { applicationId, invitationId })
  await leaves(revoke(), 200, { event: 'auth.application_invitation.revoked', by: owner, data: { applicationId, invitationId } })
  const unknownThere = { applicationId, asked: 'invitation.revoke', reason: 'UNKNOWN' }
  await leaves(revoke(), 404, { event: 'auth.application.refused', by: owner, about: owner, data: unknownThere })
  const accept = (who: Browser, token: string) => who.mutate('auth.applicationInvitation.accept', { token })
  const refused = (who: string, invitation: unknown, reason: string) => ({
    event: 'auth.application_invitation.refused',
    by: who,
    about: who,
    data: { invitationId: invitation, reason },
  })
  await leaves(accept(ben, 'pln_ai_unknown'), 400, refused(member, null, 'TOKEN'))
  const { id } = (await invite()).data as { id: string }
  const token = await mailed(member, /#token=(?<found>pln_ai_[\w-]+)/)
  await leaves(accept(anna, token), 403, refused(owner, id, 'ADDRESS'))
  const joined = { applicationId, ...ids('membershipId'), role: 'USER', how: 'INVITED' }
  const { data } = await leaves(accept(ben, token), 200, { event: 'auth.membership.created', by: member, about: member, data: joined })
  return (data as { membershipId: string }).membershipId
}
