/** The campaign's own consumers. Apart from everything else, so that the worker needs nothing of the harness. */

export const effectful = [
  {
    name: 'teams.fault_effects',
    on: ['teams.team.created', 'teams.team.deleted', 'teams.team.restored', 'teams.invitation.created', 'teams.member.role_changed'],
  },
  { name: 'auth.fault_effects', on: ['auth.session.started', 'auth.sign_in.failed'] },
] as const
