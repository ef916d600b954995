/** The events of administration: what administrators did with the accounts of others. The person is the subject, the administrator the actor. */
import { z } from 'zod'
import { defineEvents, type EventsOf } from '#db'
import { SessionId } from '#lib/ids.ts'
import { Impersonate } from './schema-person.ts'
import { Role } from './schema.ts'

const Nothing = z.strictObject({})

export const personEvents = defineEvents('auth', {
  'auth.person.disabled': { about: 'An administrator disabled an account; every session ended. Its owner is told by mail.', data: Nothing },
  'auth.person.restored': { about: 'An administrator let a disabled account in again. Its owner is told by mail.', data: Nothing },
  'auth.person.reset_required': {
    about: 'An administrator took an account its password; every session ended, and its owner chooses a new one by mail.',
    data: Nothing,
  },
  'auth.person.factors_removed': {
    about:
      'An administrator took a person their passkeys, authenticator app, recovery codes and linked providers; everything that let them in ended. They are told by mail.',
    data: z.strictObject({ passkeys: z.int(), apps: z.int(), providers: z.int() }),
  },
  'auth.person.sessions_ended': { about: 'An administrator ended every session of a person.', data: z.strictObject({ count: z.int() }) },
  'auth.person.role_changed': {
    about: 'An administrator made another person an administrator, or an administrator a user.',
    data: z.strictObject({ from: Role, to: Role }),
  },
  'auth.person.impersonated': {
    about: 'An administrator began to look through a person’s eyes, for an hour at most. The person is told by mail.',
    data: z.strictObject({ sessionId: SessionId, reason: Impersonate.shape.reason, ticket: z.string().nullable() }),
  },
  'auth.person.refused': {
    about: 'What an administrator asked for was refused.',
    data: z.strictObject({
      asked: z.string(),
      reason: z.enum(['LAST_ADMINISTRATOR', 'ONESELF', 'ADMINISTRATOR', 'NOT_ADMINISTRATOR', 'MAY_NOT_SIGN_IN', 'UNKNOWN']),
    }),
  },
})

declare module '#db/events.ts' {
  interface Events extends EventsOf<typeof personEvents> {}
}
