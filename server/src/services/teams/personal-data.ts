/** What `teams` holds of people. */
import { definePersonalData } from '#db/personal-data.ts'
import { keepOwned } from './leaving.ts'

export const personalData = definePersonalData(
  'teams',
  {
    teamInvitation: {
      of: ['acceptedById'],
      address: 'email',
      shows: ['email', 'role', 'createdAt', 'expiresAt', 'acceptedAt'],
      erasure: 'REMOVE',
    },
    teamMember: { of: ['userId'], shows: ['teamId', 'role', 'createdAt', 'deletedAt'], erasure: 'REMOVE' },
    teamBillingContact: {
      of: [],
      address: 'email',
      shows: ['teamId', 'name', 'email', 'address', 'taxId', 'createdAt'],
      erasure: 'REMOVE',
    },
    team: { impersonal: 'A team is named by its owners, and refers to nobody.' },
  },
  { beforeLeaving: keepOwned },
)
