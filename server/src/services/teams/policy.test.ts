import { describe, expect, test } from 'vitest'
import { mayChangeRole, mayDelete, mayInvite, mayReadActivity, maySeeInvitations } from './policy.ts'
import type { Role } from './schema.ts'

const roles: Role[] = ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER']

describe('who may do what in a team', () => {
  test('owners alone change roles and delete the team', () => {
    expect(roles.filter(mayChangeRole)).toEqual(['OWNER'])
    expect(roles.filter(mayDelete)).toEqual(['OWNER'])
  })

  test('owners and admins see invitations and activity', () => {
    expect(roles.filter(maySeeInvitations)).toEqual(['OWNER', 'ADMIN'])
    expect(roles.filter(mayReadActivity)).toEqual(['OWNER', 'ADMIN'])
  })

  test('nobody invites to more than they are', () => {
    const table = Object.fromEntries(roles.map((role) => [role, roles.filter((invited) => mayInvite(role, invited))]))
    expect(table).toEqual({ OWNER: roles, ADMIN: ['ADMIN', 'MEMBER', 'VIEWER'], MEMBER: [], VIEWER: [] })
  })
})
