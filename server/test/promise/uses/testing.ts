/** What tests say, marked like ./server.ts. */
import { createClient, type TeamId, type UserId } from '@plinth/client'
import { expect } from 'vitest'
import { db } from '#db'
import { AppError } from '#lib/errors.ts'

declare const id: string
declare const teamId: TeamId
declare const userId: UserId
const plinth = createClient({ url: 'http://localhost' })

export async function expectations(): Promise<void> {
  const team = await plinth.teams.create.mutate({ name: 'Blue', slug: 'blue' }) // input of a test: renamed dropped retyped
  expect(team.slug).toBe('blue') // output in a test: renamed dropped
  expect(team.name.length).toBe(4) // output in a test: nullable
  await db('teams').team.findFirstOrThrow({ where: { id: team.id, slug: 'blue' } }) // row in a test: renamed dropped retyped
  const invitation = await db('teams').teamInvitation.findFirstOrThrow({ where: { role: 'VIEWER', acceptedById: null } }) // row in a test: value-gone required
  expect(invitation.role === 'VIEWER').toBe(true) // output in a test: value-gone
  const { items } = await plinth.teams.list.query({}) // input of a test: required
  const role: 'OWNER' | 'ADMIN' | 'MEMBER' | 'VIEWER' | undefined = items[0]?.role // output in a test: value-new
  expect(role).toBe('OWNER')
  const member = await plinth.teams.member.changeRole.mutate({ teamId, userId, role: 'ADMIN' }) // input of a test: input model
  expect(member.joinedAt).toBeInstanceOf(Date) // output in a test: output
  await plinth.teams.restore.mutate({ teamId }) // call in a test: procedure
  await db('teams').teamMember.findFirstOrThrow({ where: { teamId: id } }) // row in a test: model
  await db('teams').team.findFirstOrThrow({ where: { id }, include: { members: true } }) // row in a test: relation
  await db('auth').user.findFirstOrThrow({ where: { id, password: { is: { hash: 'x' } } } }) // row in a test: to-many
  expect(() => new AppError('CONFLICT', 'No.', { reason: 'LAST_OWNER' })).not.toThrow() // error in a test: reason
}
