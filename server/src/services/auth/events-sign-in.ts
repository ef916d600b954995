/** The events of factors: what was asked for, shown, refused. Beside those of events.ts, with the same rules. */
import { z } from 'zod'
import { defineEvents, type EventsOf } from '#db'
import { SessionId } from '#lib/ids.ts'
import { SignInMethod } from './schema-sign-in.ts'

const Nothing = z.strictObject({})
const TokenId = z.strictObject({ tokenId: z.uuid() })
const Method = z.strictObject({ method: SignInMethod })

export const signInEvents = defineEvents('auth', {
  'auth.second_factor.required': { about: 'A first factor was right, and the second was asked for. Nobody is signed in.', data: Method },
  'auth.second_factor.failed': { about: 'A second factor was wrong, or came too late.', data: Method },
  'auth.session.stepped_up': {
    about: 'A person proved once more who they are; their session goes on under a new token.',
    data: z.strictObject({ sessionId: SessionId, method: SignInMethod }),
  },
  'auth.totp.enrolled': { about: 'A person was shown a secret for an authenticator app, which is still to be confirmed.', data: Nothing },
  'auth.totp.confirmed': {
    about:
      'Sign-in asks a person for the code of an authenticator app from now on. The person is told by mail, also where no recovery code is left.',
    data: z.strictObject({ recoveryCodesLeft: z.int(), tokenId: z.uuid() }),
  },
  'auth.totp.disabled': { about: 'Sign-in asks a person for no authenticator app any more.', data: Nothing },
  'auth.recovery_codes.regenerated': { about: 'A person was shown new recovery codes; the old ones are worth nothing.', data: Nothing },
  'auth.recovery_code.used': { about: 'A recovery code stood in for a second factor.', data: z.strictObject({ left: z.int() }) },
  'auth.email_sign_in.requested': {
    about: 'A sign-in by mail was asked for; the mail is sent for this event, if there is an account.',
    data: TokenId,
  },
  'auth.step_up.mail_requested': {
    about: 'A person is to prove once more who they are by a code; the mail is sent for this event.',
    data: TokenId,
  },
  'auth.remembered.shown_twice': {
    about: 'What a device is remembered by was shown a second time: there is a copy. Its family ended, and the sessions that it began.',
    data: z.strictObject({ sessions: z.int() }),
  },
  'auth.remembered.shown_together': {
    about:
      'What a device is remembered by was shown again within half a minute of its use, as tabs do that open together. It was refused, and nothing ended.',
    data: Nothing,
  },
  'auth.remembered.replaced': {
    about: 'Somebody signed in on a browser that was remembered: what it was remembered by ended, and the sessions that it began.',
    data: z.strictObject({ sessions: z.int() }),
  },
  'auth.step_up.failed': { about: 'A person was to prove once more who they are, and what they showed was wrong.', data: Method },
})

declare module '#db/events.ts' {
  interface Events extends EventsOf<typeof signInEvents> {}
}
