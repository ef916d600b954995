/** The doors of `auth.person`: what administrators do with accounts. All of them ask for a proof of the last ten minutes. */
import { admin, router } from '../../trpc/procedures.ts'
import { disablePerson, endSessionsOf, removeFactorsOf, requireReset, restorePerson, setRole } from './administration.ts'
import { impersonate } from './impersonation.ts'
import { getPerson, listPersonActivity, searchPeople } from './people-search.ts'
import {
  Impersonate,
  Impersonating,
  ListedPerson,
  OnePerson,
  People,
  PersonActivity,
  PersonActivityList,
  PersonDetails,
  SearchPeople,
  SessionsEnded,
  SetRole,
} from './schema-person.ts'

export const personRouter = router({
  /** Lists people, by a part of the address or the name, a role, a state. */
  list: admin
    .input(SearchPeople)
    .output(People)
    .query(({ input }) => searchPeople(input)),
  /** Gives a person, how they sign in and when they last did. */
  get: admin
    .input(OnePerson)
    .output(PersonDetails)
    .query(({ input }) => getPerson(input)),
  /** Lists what happened to a person's account, newest first. */
  activity: admin
    .input(PersonActivity)
    .output(PersonActivityList)
    .query(({ input }) => listPersonActivity(input)),
  /** Keeps a person out until they are restored: everything that lets them in ends. */
  disable: admin
    .input(OnePerson)
    .output(ListedPerson)
    .mutation(({ ctx, input }) => disablePerson(ctx.actor, input)),
  /** Lets a disabled person in again. */
  restore: admin
    .input(OnePerson)
    .output(ListedPerson)
    .mutation(({ ctx, input }) => restorePerson(ctx.actor, input)),
  /** Takes a person their password; they choose a new one by mail. */
  requireReset: admin
    .input(OnePerson)
    .output(ListedPerson)
    .mutation(({ ctx, input }) => requireReset(ctx.actor, input)),
  /** Takes a person their passkeys, authenticator app, recovery codes and linked providers: for who is locked out. Everything that lets them in ends. */
  removeFactors: admin
    .input(OnePerson)
    .output(ListedPerson)
    .mutation(({ ctx, input }) => removeFactorsOf(ctx.actor, input)),
  /** Ends every session of a person. */
  endSessions: admin
    .input(OnePerson)
    .output(SessionsEnded)
    .mutation(({ ctx, input }) => endSessionsOf(ctx.actor, input)),
  /** Makes a person an administrator, or a user again. */
  setRole: admin
    .input(SetRole)
    .output(ListedPerson)
    .mutation(({ ctx, input }) => setRole(ctx.actor, input)),
  /** Gives a token that acts as the person for an hour, marked and recorded. */
  impersonate: admin
    .meta({ secret: true })
    .input(Impersonate)
    .output(Impersonating)
    .mutation(({ ctx, input }) => impersonate(ctx.actor, input)),
})
