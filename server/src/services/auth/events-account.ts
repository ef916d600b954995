/** What happens to an account beside those of events.ts, with the same rules: the halves of what takes two, and what a person asked for and was refused. */
import { z } from 'zod'
import { defineEvents, type EventsOf } from '#db'
import { FactorKind } from './schema-account.ts'
import { MailKind } from './throttle.ts'

const Nothing = z.strictObject({})

export const accountEvents = defineEvents('auth', {
  'auth.call.refused': {
    about: 'A call of somebody who is signed in was refused at its door: for a role, for a proof, or for what is not theirs or not there.',
    data: z.strictObject({ procedure: z.string(), code: z.string() }),
  },
  'auth.email_change.approved': {
    about: 'The owner of an address agreed to another one by the link that went to the old one.',
    data: Nothing,
  },
  'auth.email_change.proven': { about: 'The person who asked for another address proved it by the link that went there.', data: Nothing },
  'auth.totp.confirmation_failed': { about: 'The code that was to confirm an authenticator app was wrong.', data: Nothing },
  'auth.mail.throttled': {
    about: 'A mail was asked for and was not sent, for there were too many before it.',
    data: z.strictObject({ kind: MailKind }),
  },
  'auth.factor.undone': {
    about:
      'What had been added to an account to sign in by was taken back by the link from the mail about it; every session ended. The owner is told by mail.',
    data: z.strictObject({ factor: FactorKind }),
  },
  'auth.account.refused': {
    about:
      'A person asked for something that is not theirs or not there, or that would leave something without its owner, the installation without an administrator or them without a way in.',
    data: z.strictObject({ asked: z.string(), reason: z.enum(['UNKNOWN', 'LAST_METHOD', 'LAST_OWNER', 'LAST_ADMINISTRATOR']) }),
  },
})

declare module '#db/events.ts' {
  interface Events extends EventsOf<typeof accountEvents> {}
}
