import { describe, expect, test } from 'vitest'
import {
  mayChangeRole,
  mayChangeSettings,
  mayDelete,
  mayInvite,
  mayReadActivity,
  mayRemove,
  mayRename,
  maySeeBilling,
  maySeeInvitations,
} from './policy.ts'
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

  test('nobody invites to more than they are, and admins only where the team lets them', () => {
    const table = (adminsInvite: boolean) =>
      Object.fromEntries(roles.map((role) => [role, roles.filter((invited) => mayInvite(role, invited, { adminsInvite }))]))
    expect(table(true)).toEqual({ OWNER: roles, ADMIN: ['ADMIN', 'MEMBER', 'VIEWER'], MEMBER: [], VIEWER: [] })
    expect(table(false)).toEqual({ OWNER: roles, ADMIN: [], MEMBER: [], VIEWER: [] })
  })

  test('owners remove anyone, admins those below them', () => {
    const table = Object.fromEntries(roles.map((role) => [role, roles.filter((removed) => mayRemove(role, removed))]))
    expect(table).toEqual({ OWNER: roles, ADMIN: ['MEMBER', 'VIEWER'], MEMBER: [], VIEWER: [] })
  })

  test('owners alone say how the team is run and whom it is billed to; admins may rename it', () => {
    expect(roles.filter(mayChangeSettings)).toEqual(['OWNER'])
    expect(roles.filter(maySeeBilling)).toEqual(['OWNER'])
    expect(roles.filter(mayRename)).toEqual(['OWNER', 'ADMIN'])
  })
})
