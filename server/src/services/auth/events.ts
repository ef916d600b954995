/** The events that `auth` emits. Payloads hold ids and kinds alone: never an address, a name or a token. */
import { z } from 'zod'
import { defineEvents, type EventsOf } from '#db'
import { DataExportId, SessionId } from '#lib/ids.ts'
import { SessionKind, TokenPurpose } from './schema.ts'

const Nothing = z.strictObject({})
const TokenId = z.strictObject({ tokenId: z.uuid() })
const SessionStarted = z.strictObject({ sessionId: SessionId, kind: SessionKind })
const SessionEnded = z.strictObject({ sessionId: SessionId, reason: z.enum(['SIGNED_OUT', 'REVOKED', 'REPLACED']) })
const SessionsEnded = z.strictObject({ count: z.int() })
const Throttled = z.strictObject({ by: z.enum(['ACCOUNT', 'ADDRESS', 'PAIR']) })
const TokenRefused = z.strictObject({ purpose: TokenPurpose })
const DataExported = z.strictObject({ exportId: DataExportId })
const EmailChangeRequested = z.strictObject({ approvalId: z.uuid(), proofId: z.uuid() })

export const events = defineEvents('auth', {
  'auth.user.created': { about: 'Somebody signed up; the address is not proven yet.', data: Nothing },
  'auth.sign_up.repeated': { about: 'Somebody signed up with the address of an account; its owner is told by mail.', data: Nothing },
  'auth.sign_up.contested': {
    about: 'The owner of an address proved it, and it was signed up with by several passwords: they choose one by the mail for this event.',
    data: TokenId,
  },
  'auth.email_verification.requested': {
    about: 'The address of an account is to be proven; the mail is sent for this event.',
    data: TokenId,
  },
  'auth.email.verified': { about: 'The owner of an account proved its address.', data: Nothing },
  'auth.session.started': { about: 'Somebody signed in.', data: SessionStarted },
  'auth.session.ended': { about: 'A session ended: signed out, revoked, or replaced by the next sign-in.', data: SessionEnded },
  'auth.session.others_ended': { about: 'A person ended all their sessions but the one in use.', data: SessionsEnded },
  'auth.sign_in.failed': { about: 'A sign-in was refused: the password was wrong, or the account may not sign in.', data: Nothing },
  'auth.sign_in.throttled': { about: 'A sign-in was refused unseen, for there were too many before it.', data: Throttled },
  'auth.password.changed': { about: 'A person chose another password; their other sessions ended. They are told by mail.', data: Nothing },
  'auth.password.change_refused': { about: 'A change of password was refused: the current one was wrong.', data: Nothing },
  'auth.password_reset.requested': {
    about: 'A new password was asked for by mail; the mail is sent for this event, if there is an account.',
    data: TokenId,
  },
  'auth.password_reset.completed': {
    about: 'A password was set by the link from a mail; every session ended. The owner is told by mail.',
    data: Nothing,
  },
  'auth.email_change.requested': {
    about: 'A person asked for another address; a link goes to the old one and one to the new one for this event.',
    data: EmailChangeRequested,
  },
  'auth.email_change.completed': {
    about: 'An account has another address. The new one is told; the old one gets a link that undoes it.',
    data: TokenId,
  },
  'auth.email_change.undone': { about: 'The owner of the former address took it back; every session ended.', data: Nothing },
  'auth.account.deactivated': {
    about: 'A person left; the account is gone for everybody, and its owner is mailed a link that takes it back for thirty days.',
    data: TokenId,
  },
  'auth.account.reactivated': { about: 'A deactivated account was taken back by the link from its mail.', data: Nothing },
  'auth.account.erased': { about: 'What was held of a deactivated account is erased; its id names nobody any more.', data: Nothing },
  'auth.data_export.requested': { about: 'A person asked for what is held of them; it is gathered for this event.', data: DataExported },
  'auth.data_export.ready': { about: 'What is held of a person is gathered; they are told by mail.', data: DataExported },
  'auth.data_export.downloaded': { about: 'A person downloaded what is held of them; it is kept no longer.', data: DataExported },
  'auth.token.refused': { about: 'A one-time token was refused: unknown, used, replaced by a newer one, or too old.', data: TokenRefused },
  'auth.administrator.created': { about: 'The setup code from the log made an administrator.', data: Nothing },
})

declare module '#db/events.ts' {
  interface Events extends EventsOf<typeof events> {}
}
