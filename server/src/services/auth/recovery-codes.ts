/**
 * Recovery codes: what stands in for a second factor that was lost. 80 random bits each; the database holds the sha256 of an HMAC under a key of the
 * server, so that whoever has the database alone cannot even try them (ASVS 5.0, 6.5.2).
 */
import { randomBytes } from 'node:crypto'
import { transaction, type Tx } from '#db'
import type { Actor, UserActor } from '#lib/actor.ts'
import { keyedHash } from '#lib/secrets.ts'
import { base32 } from '#lib/totp.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import type { SignInDone } from './complete-sign-in.ts'
import { signInBySecondFactor } from './pending-sign-in.ts'
import type { RecoveryCodes, RecoveryCodesLeft } from './schema-recovery-code.ts'
import type { SessionKind } from './schema.ts'
import type { SignedIn } from './schema-sign-in.ts'
import type { SecondFactorCode, TotpCode } from './schema-totp.ts'
import { recoveryCodesLeft, secondFactorsOf } from './second-factors.ts'
import { stepUp, type Prove } from './step-up.ts'
import { insertToken, takeToken } from './tokens.ts'

const howMany = 10
const bytes = 10
/** They are good until they are used; a token must end some day. */
const centuryMs = 100 * 365 * 24 * 60 * 60 * 1000

/** Says how many a person has left. */
export async function countRecoveryCodes(actor: UserActor): Promise<RecoveryCodesLeft> {
  return { left: await recoveryCodesLeft(actor.userId) }
}

/** Makes ten and shows them once; those of before are worth nothing any more. They count at sign-in where there is a second factor. */
export async function regenerateRecoveryCodes(actor: UserActor): Promise<RecoveryCodes> {
  const codes = Array.from({ length: howMany }, () => base32(randomBytes(bytes)))
  return transaction('auth', actor, async (tx) => {
    const user = await lockCaller(tx, actor)
    if (!user) return refuseCaller()
    await purgeRecoveryCodes(tx, user.id)
    const about = { purpose: 'RECOVERY_CODE', userId: user.id, ttlMs: centuryMs } as const
    for (const [index, code] of codes.entries()) {
      await insertToken(tx, { ...about, subject: `${user.id}:${index}`, token: tokenOf(user.id, code) })
    }
    tx.record('auth.recovery_codes.regenerated', { user: user.id }, {})
    return { codes: codes.map((code) => code.replaceAll(/(.{4})(?=.)/g, '$1-')) }
  })
}

/** Removes the codes of a person who has no second factor left that they could stand in for: they would outlive what they were made for. */
export async function purgeIdleRecoveryCodes(tx: Tx<'auth'>, userId: string): Promise<void> {
  if ((await secondFactorsOf(userId)).length === 0) await purgeRecoveryCodes(tx, userId)
}

/** Completes a sign-in by a recovery code. @throws as `signInBySecondFactor` */
export async function signInByRecoveryCode(
  actor: Actor,
  { pendingToken, code }: SecondFactorCode,
  marker: string | null,
): Promise<SignInDone<SignedIn>> {
  return signInBySecondFactor(actor, { pendingToken, method: 'RECOVERY_CODE', prove: proveRecoveryCode(code) }, marker)
}

/** Steps up by a recovery code. @throws as `stepUp` */
export async function stepUpByRecoveryCode(actor: UserActor, kind: SessionKind, { code }: TotpCode): Promise<SignInDone<SignedIn>> {
  return stepUp(actor, kind, { method: 'RECOVERY_CODE', field: 'code', verify: async () => proveRecoveryCode(code) })
}

/** Of any number at once one uses a code up, as any token. */
function proveRecoveryCode(code: string): Prove {
  return async (tx, user) => {
    if (!(await takeToken(tx, 'RECOVERY_CODE', tokenOf(user.id, code)))) return false
    tx.record('auth.recovery_code.used', { user: user.id }, { left: await recoveryCodesLeft(user.id) })
    return true
  }
}

/** Removes the codes of a person, all of them or those that were made since then. */
export async function purgeRecoveryCodes(tx: Tx<'auth'>, userId: string, since: Date | null = null): Promise<void> {
  await tx.purge('verificationToken', { purpose: 'RECOVERY_CODE', userId, ...(since && { createdAt: { gte: since } }) })
}

/** However it was typed: in groups or not, in capitals or not. Bound to the person, so that nobody's code is another's. */
function tokenOf(userId: string, code: string): string {
  const bare = code.toUpperCase().replaceAll(/[\s-]/g, '')
  return keyedHash('recovery-code', `${userId}\n${bare}`).toString('base64url')
}
