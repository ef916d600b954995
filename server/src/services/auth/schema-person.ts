/** What goes into the procedures by which administrators look after people, and what comes out. */
import { z } from 'zod'
import { Page, pageOf } from '#db'
import { UserId } from '#lib/ids.ts'
import { Role } from './schema.ts'
import { SecurityActivityList } from './schema-account.ts'
import { SignedIn } from './schema-sign-in.ts'

export const PersonState = z.enum(['ACTIVE', 'UNVERIFIED', 'DISABLED'])
export type PersonState = z.infer<typeof PersonState>

/** A person as administrators see them in a list. */
export const ListedPerson = z.strictObject({
  id: UserId,
  email: z.string(),
  name: z.string(),
  role: Role,
  state: PersonState,
  createdAt: z.date(),
})
export type ListedPerson = z.infer<typeof ListedPerson>

/** A person by themselves: how they sign in, and when they last did. */
export const PersonDetails = ListedPerson.extend({
  hasPassword: z.boolean(),
  secondFactors: z.array(z.string()),
  livingSessions: z.int().min(0),
  lastSignedInAt: z.date().nullable(),
})
export type PersonDetails = z.infer<typeof PersonDetails>

export const SearchPeople = Page.extend({
  /** A part of the address or of the name, three characters at least; whatever the case. */
  search: z.string().trim().min(3, 'is shorter than 3 characters').max(100, 'is longer than 100 characters').exactOptional(),
  role: Role.exactOptional(),
  state: PersonState.exactOptional(),
})
export type SearchPeople = z.infer<typeof SearchPeople>

export const People = pageOf(ListedPerson)
export type People = z.infer<typeof People>

export const OnePerson = z.strictObject({ userId: UserId })
export type OnePerson = z.infer<typeof OnePerson>

export const SetRole = z.strictObject({ userId: UserId, role: Role })
export type SetRole = z.infer<typeof SetRole>

export const PersonActivity = Page.extend({ userId: UserId })
export type PersonActivity = z.infer<typeof PersonActivity>

export const PersonActivityList = SecurityActivityList

export const SessionsEnded = z.strictObject({ ended: z.int().min(0) })
export type SessionsEnded = z.infer<typeof SessionsEnded>

/** Why somebody looks through another's eyes: kept with what they do. `ticket` names the case, as in `#1234`. */
export const Impersonate = z.strictObject({
  userId: UserId,
  reason: z.enum(['SUPPORT', 'INVESTIGATION']),
  ticket: z
    .string()
    .regex(/^[\w#./-]{1,60}$/, 'is not the name of a case')
    .exactOptional(),
})
export type Impersonate = z.infer<typeof Impersonate>

export const Impersonating = SignedIn
export type Impersonating = z.infer<typeof Impersonating>
