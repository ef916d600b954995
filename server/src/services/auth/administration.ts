/** What administrators of the installation do with accounts. Decided on locked rows, recorded with the person as its subject, told to them by mail. */
import { refuse, transaction, type Refusal, type Row, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { endAccess } from './access.ts'
import { isLastAdministrator, refuseLastAdministrator, refuseOutsider } from './administrators.ts'
import { lockEvenDeactivated, writeDisabled } from './deactivated.ts'
import { removeFactors } from './factor-removal.ts'
import { presentPerson } from './people-search.ts'
import { maySignIn } from './policy.ts'
import type { ListedPerson, OnePerson, SessionsEnded, SetRole } from './schema-person.ts'
import { endSessions } from './sessions.ts'
import { insertToken, resetTtlMs } from './tokens.ts'

/** What is done once the person is found and locked. Gives the person as they are then. */
type Act<T> = (tx: Tx<'auth'>, user: Row<'user'>) => Promise<T | Refusal>

const living = (tx: Tx<'auth'>, id: string) => tx.lock('user', { id })

async function withPerson<T>(actor: UserActor, { userId }: OnePerson, asked: string, act: Act<T>, find = living): Promise<T> {
  return transaction('auth', actor, async (tx) => {
    // In the order of their ids: two who act on each other at once do not wait for each other.
    if (userId < actor.userId) await tx.lock('user', { id: userId })
    const refusal = await refuseOutsider(tx, actor, { userId, asked })
    if (refusal) return refusal
    const user = await find(tx, userId)
    return user ? act(tx, user) : refusePerson(tx, asked)
  })
}

/** Refuses what names nobody, or somebody who is gone or has nothing of what is to be taken; with its trace. To be returned from the transaction. */
export function refusePerson(tx: Tx<'auth'>, asked: string, sentence = 'There is no such person.'): Refusal {
  tx.record('auth.person.refused', {}, { asked, reason: 'UNKNOWN' })
  return refuse('NOT_FOUND', sentence)
}

/**
 * Keeps a person out: every session, key and remembered device ends, and no sign-in succeeds, until `restorePerson`. Who has left is kept from coming
 * back as well.
 *
 * @throws NOT_FOUND; CONFLICT LAST_ADMINISTRATOR; FORBIDDEN for oneself.
 */
export async function disablePerson(actor: UserActor, input: OnePerson): Promise<ListedPerson> {
  const act: Act<ListedPerson> = async (tx, user) => {
    if (user.id === actor.userId) return refuseSelf(tx, user, 'disable')
    if (await isLastAdministrator(tx, user)) return refuseLast(tx, user, 'disable')
    await endAccess(tx, user.id, 'DISABLED')
    const disabled = await writeDisabled(tx, user, user.disabledAt ?? tx.now)
    if (user.disabledAt === null) tx.record('auth.person.disabled', { user: user.id }, {})
    return presentPerson(disabled)
  }
  return withPerson(actor, input, 'disable', act, lockEvenDeactivated)
}

/** Lets a disabled person in again, or come back. What ended stays ended: they sign in anew. @throws NOT_FOUND */
export async function restorePerson(actor: UserActor, input: OnePerson): Promise<ListedPerson> {
  const act: Act<ListedPerson> = async (tx, user) => {
    if (user.disabledAt === null) return presentPerson(user)
    const restored = await writeDisabled(tx, user, null)
    tx.record('auth.person.restored', { user: user.id }, {})
    return presentPerson(restored)
  }
  return withPerson(actor, input, 'restore', act, lockEvenDeactivated)
}

/**
 * Takes a person their password: every session ends, and they choose a new one by the link from a mail. Their second factors stay.
 *
 * @throws NOT_FOUND
 */
export async function requireReset(actor: UserActor, input: OnePerson): Promise<ListedPerson> {
  return withPerson(actor, input, 'requireReset', async (tx, user) => {
    await endAccess(tx, user.id, 'PASSWORD_RESET')
    await tx.purge('password', { userId: user.id })
    const tokenId = await insertToken(tx, {
      purpose: 'PASSWORD_RESET',
      subject: user.id,
      userId: user.id,
      email: user.email,
      ttlMs: resetTtlMs,
    })
    tx.record('auth.person.reset_required', { user: user.id }, {})
    tx.record('auth.password_reset.requested', { user: user.id }, { tokenId })
    return presentPerson(user)
  })
}

/**
 * Takes a person all that was added to sign in by beside the password, and ends everything that lets them in: for who lost it, and for who is locked out
 * by what somebody else added. The password stays, and the mailbox.
 *
 * @throws NOT_FOUND; FORBIDDEN for administrators, oneself among them.
 */
export async function removeFactorsOf(actor: UserActor, input: OnePerson): Promise<ListedPerson> {
  return withPerson(actor, input, 'removeFactors', async (tx, user) => {
    if (user.role === 'ADMIN') {
      tx.record('auth.person.refused', { user: user.id }, { asked: 'removeFactors', reason: 'ADMINISTRATOR' })
      return refuse('FORBIDDEN', 'Nobody takes an administrator their second factors: they are to be a user first.')
    }
    const removed = await removeFactors(tx, user.id)
    await endAccess(tx, user.id, 'REVOKED')
    tx.record('auth.person.factors_removed', { user: user.id }, removed)
    return presentPerson(user)
  })
}

/** Ends every session of a person. @throws NOT_FOUND */
export async function endSessionsOf(actor: UserActor, input: OnePerson): Promise<SessionsEnded> {
  return withPerson(actor, input, 'endSessions', async (tx, user) => {
    const ended = await endSessions(tx, user.id, {}, 'REVOKED')
    tx.record('auth.person.sessions_ended', { user: user.id }, { count: ended })
    return { ended }
  })
}

/**
 * Makes a person an administrator, or a user again. Their sessions end: what was begun as one is not gone on with as the other.
 *
 * @throws NOT_FOUND; CONFLICT LAST_ADMINISTRATOR; FORBIDDEN for oneself, and to make an administrator of an account that may not sign in.
 */
export async function setRole(actor: UserActor, { userId, role }: SetRole): Promise<ListedPerson> {
  return withPerson(actor, { userId }, 'setRole', async (tx, user) => {
    if (user.role === role) return presentPerson(user)
    if (user.id === actor.userId) return refuseSelf(tx, user, 'setRole')
    if (role === 'ADMIN' && !maySignIn(user)) return refuseNotLetIn(tx, user, 'setRole')
    if (await isLastAdministrator(tx, user)) return refuseLast(tx, user, 'setRole')
    const changed = await tx.user.update({ where: { id: user.id }, data: { role } })
    await endSessions(tx, user.id, {}, 'REVOKED')
    tx.record('auth.person.role_changed', { user: user.id }, { from: user.role, to: role })
    return presentPerson(changed)
  })
}

function refuseSelf(tx: Tx<'auth'>, user: Row<'user'>, asked: string): Refusal {
  tx.record('auth.person.refused', { user: user.id }, { asked, reason: 'ONESELF' })
  return refuse('FORBIDDEN', 'Nobody does this to themselves: ask another administrator.')
}

/** Refuses what only an account can have that may be signed in to: to be an administrator, or to be acted as. */
export function refuseNotLetIn(tx: Tx<'auth'>, user: Row<'user'>, asked: string): Refusal {
  tx.record('auth.person.refused', { user: user.id }, { asked, reason: 'MAY_NOT_SIGN_IN' })
  return refuse('FORBIDDEN', 'This account may not sign in.')
}

function refuseLast(tx: Tx<'auth'>, user: Row<'user'>, asked: string): Refusal {
  tx.record('auth.person.refused', { user: user.id }, { asked, reason: 'LAST_ADMINISTRATOR' })
  return refuseLastAdministrator()
}
