/** What `auth` holds of people. What refers to an account stands before the account, which is erased last. */
import { definePersonalData } from '#db/personal-data.ts'

export const personalData = definePersonalData('auth', {
  session: {
    of: ['userId'],
    shows: ['kind', 'addressPrefix', 'userAgent', 'createdAt', 'lastUsedAt', 'expiresAt', 'revokedAt', 'endReason'],
    erasure: 'REMOVE',
  },
  password: { of: ['userId'], shows: ['changedAt'], erasure: 'REMOVE' },
  verificationToken: {
    of: ['userId'],
    address: 'email',
    shows: ['purpose', 'email', 'createdAt', 'expiresAt', 'usedAt'],
    erasure: 'REMOVE',
  },
  emailChange: {
    of: ['userId'],
    shows: ['fromEmail', 'toEmail', 'createdAt', 'approvedAt', 'provenAt', 'completedAt', 'undoneAt'],
    erasure: 'REMOVE',
  },
  dataExport: { of: ['userId'], shows: ['createdAt', 'readyAt', 'downloadedAt'], erasure: 'REMOVE' },
  passkey: { of: ['userId'], shows: ['name', 'transports', 'backedUp', 'createdAt', 'lastUsedAt'], erasure: 'REMOVE' },
  passkeyChallenge: { of: ['userId'], shows: [], erasure: 'REMOVE' },
  totpFactor: { of: ['userId'], shows: ['createdAt', 'confirmedAt'], erasure: 'REMOVE' },
  oauthAccount: { of: ['userId'], shows: ['provider', 'subject', 'email', 'name', 'createdAt', 'lastUsedAt'], erasure: 'REMOVE' },
  providerAttempt: { of: ['userId'], shows: [], erasure: 'REMOVE' },
  apiKey: { of: ['userId'], shows: ['name', 'scopes', 'createdAt', 'expiresAt', 'lastUsedAt', 'revokedAt'], erasure: 'REMOVE' },
  membership: { of: ['userId'], shows: ['applicationId', 'role', 'metadata', 'active', 'createdAt', 'deletedAt'], erasure: 'REMOVE' },
  applicationInvitation: {
    of: ['acceptedById'],
    address: 'email',
    shows: ['applicationId', 'email', 'role', 'createdAt', 'expiresAt', 'acceptedAt'],
    erasure: 'REMOVE',
  },
  applicationSecret: { impersonal: 'It belongs to an application. Who made it is an id, which goes on referring to a tombstone.' },
  application: { impersonal: 'It is named by its owners, and refers to nobody.' },
  throttle: { impersonal: 'A bucket is an HMAC, which names nobody, and is removed when its window closes.' },
  user: {
    of: ['id'],
    shows: ['id', 'email', 'name', 'role', 'emailVerifiedAt', 'createdAt'],
    erasure: (now) => ({ email: '', name: '', emailVerifiedAt: null, eraseAfter: null, erasingUntil: null, erasedAt: now }),
  },
})
