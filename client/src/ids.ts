/**
 * Ids, each a kind of its own: no other id and no plain string stands for one in a call. Those that the server gave are of their kind already;
 * one that stands in a URL or a file is made with `of`.
 */
import type * as live from './api.ts'

/** How text becomes an id. */
export interface IdKind<Id extends string> {
  /** Gives the text as an id; says nothing of whether there is such a thing. @throws TypeError for what cannot be one */
  of(text: string): Id
  /** Whether the text can be one. */
  is(text: unknown): text is Id
}

/** The forms that the server takes (its ids.ts); a test compares the two. */
const UUID =
  /^(?:[\da-fA-F]{8}-[\da-fA-F]{4}-[1-8][\da-fA-F]{3}-[89abAB][\da-fA-F]{3}-[\da-fA-F]{12}|0{8}-(?:0{4}-){3}0{12}|f{8}-(?:f{4}-){3}f{12})$/
const CUID2 = /^[\da-z]+$/

export const TeamId: IdKind<live.TeamId> = kind('TeamId', UUID)
export type TeamId = live.TeamId

export const InvitationId: IdKind<live.InvitationId> = kind('InvitationId', UUID)
export type InvitationId = live.InvitationId

export const SessionId: IdKind<live.SessionId> = kind('SessionId', UUID)
export type SessionId = live.SessionId

export const UserId: IdKind<live.UserId> = kind('UserId', CUID2)
export type UserId = live.UserId

export const ApplicationId: IdKind<live.ApplicationId> = kind('ApplicationId', CUID2)
export type ApplicationId = live.ApplicationId

export const ApplicationSecretId: IdKind<live.ApplicationSecretId> = kind('ApplicationSecretId', UUID)
export type ApplicationSecretId = live.ApplicationSecretId

export const MembershipId: IdKind<live.MembershipId> = kind('MembershipId', CUID2)
export type MembershipId = live.MembershipId

export const ApiKeyId: IdKind<live.ApiKeyId> = kind('ApiKeyId', UUID)
export type ApiKeyId = live.ApiKeyId

export const ApplicationInvitationId: IdKind<live.ApplicationInvitationId> = kind('ApplicationInvitationId', UUID)
export type ApplicationInvitationId = live.ApplicationInvitationId

export const PasskeyId: IdKind<live.PasskeyId> = kind('PasskeyId', UUID)
export type PasskeyId = live.PasskeyId

export const OauthAccountId: IdKind<live.OauthAccountId> = kind('OauthAccountId', UUID)
export type OauthAccountId = live.OauthAccountId

export const VisitId: IdKind<live.VisitId> = kind('VisitId', UUID)
export type VisitId = live.VisitId

export const DataExportId: IdKind<live.DataExportId> = kind('DataExportId', UUID)
export type DataExportId = live.DataExportId

function kind<Id extends string>(name: string, form: RegExp): IdKind<Id> {
  const is = (text: unknown): text is Id => typeof text === 'string' && form.test(text)
  return {
    is,
    of(text) {
      if (!is(text)) throw new TypeError(`${JSON.stringify(text).slice(0, 80)} is no ${name}.`)
      // As the server does. A UUID in small letters is the same UUID, and of the same kind.
      return form === UUID ? (text.toLowerCase() as Id) : text
    },
  }
}
