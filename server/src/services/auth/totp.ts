/** Authenticator apps: enrolled, confirmed by a code, asked for at sign-in, and taken away again. */
import { db, refuse, transaction, type Refusal, type Tx } from '#db'
import type { Actor, UserActor } from '#lib/actor.ts'
import { publicUrl } from '#lib/mail.ts'
import { isSealedByOldKey, openSecret, sealSecret } from '#lib/sealed.ts'
import { base32, matchingTotpStep, newTotpSecret } from '#lib/totp.ts'
import { offerUndo } from './added-factors.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import { presentSignedIn, renewedWith, type SignInDone } from './complete-sign-in.ts'
import { signInBySecondFactor } from './pending-sign-in.ts'
import { purgeIdleRecoveryCodes } from './recovery-codes.ts'
import type { SessionKind } from './schema.ts'
import type { SignedIn } from './schema-sign-in.ts'
import type { SecondFactorCode, Totp, TotpCode, TotpConfirmed, TotpDisabled, TotpEnrolment } from './schema-totp.ts'
import { recoveryCodesLeft } from './second-factors.ts'
import { newCredential, renewSession, type Credential } from './sessions.ts'
import { stepUp, type Prove } from './step-up.ts'

/** Says whether an authenticator app is asked for. */
export async function getTotp(actor: UserActor): Promise<Totp> {
  const factor = await confirmed(actor.userId)
  return { confirmedAt: factor?.confirmedAt ?? null }
}

/** Makes a new secret and shows it once. Sign-in asks for it when `confirmTotp` has seen a code; until then the next enrolment replaces it. */
export async function enrolTotp(actor: UserActor): Promise<TotpEnrolment> {
  const secret = newTotpSecret()
  const sealedSecret = sealSecret(secret.toString('base64url'), aboutTotpOf(actor.userId))
  return transaction('auth', actor, async (tx) => {
    const user = await lockCaller(tx, actor)
    if (!user) return refuseCaller()
    await tx.purge('totpFactor', { userId: user.id, confirmedAt: null })
    await tx.totpFactor.create({ data: { userId: user.id, sealedSecret } })
    tx.record('auth.totp.enrolled', { user: user.id }, {})
    return { secret: base32(secret), url: urlFor(user.email, base32(secret)) }
  })
}

/**
 * Confirms the app by a code that it made: from now on sign-in asks for it, and for no app before it. The session in use has shown a second
 * factor with that, and goes on at level 2 under a new token. The answer says how many recovery codes there are for whoever loses the app.
 *
 * @throws BAD_REQUEST at `code`; NOT_FOUND when none waits to be confirmed.
 */
export async function confirmTotp(actor: UserActor, kind: SessionKind, { code }: TotpCode): Promise<SignInDone<TotpConfirmed>> {
  const credential = newCredential(kind)
  const answer = await transaction('auth', actor, (tx) => confirm(tx, actor, code, credential))
  return { ...renewedWith(answer, credential), answer }
}

async function confirm(tx: Tx<'auth'>, actor: UserActor, code: string, credential: Credential): Promise<TotpConfirmed | Refusal> {
  const { userId, sessionId } = actor
  const user = await lockCaller(tx, actor)
  if (!user) return refuseCaller()
  const factor = await tx.totpFactor.findFirst({ where: { userId, confirmedAt: null } })
  if (!factor) return refuse('NOT_FOUND', 'No authenticator app waits to be confirmed.')
  const step = matchingTotpStep(secretOf(factor), code, tx.now)
  if (step === null) {
    tx.record('auth.totp.confirmation_failed', { user: userId }, {})
    return refuse('BAD_REQUEST', 'The code is wrong.', { fields: { code: ['is wrong'] } })
  }
  await setAside(tx, userId)
  await tx.totpFactor.update({ where: { id: factor.id }, data: { confirmedAt: tx.now, lastStep: step } })
  const session = await renewSession(tx, user, sessionId, credential, { methods: ['TOTP'], level: 2 })
  if (!session) return refuseCaller()
  const [left, tokenId] = [await recoveryCodesLeft(userId), await offerUndo(tx, userId, { kind: 'TOTP', id: factor.id })]
  tx.record('auth.totp.confirmed', { user: userId }, { recoveryCodesLeft: left, tokenId })
  return { ...presentSignedIn(user, session, credential), recoveryCodesLeft: left }
}

/** Takes the app away that is asked for, and says whether there was one. It is kept for as long as that can be taken back (decision 030). */
async function setAside(tx: Tx<'auth'>, userId: string): Promise<boolean> {
  const asked = { userId, confirmedAt: { not: null } }
  await tx.totpFactor.updateMany({ where: asked, data: { removedAt: tx.now } })
  return (await tx.totpFactor.deleteMany({ where: asked })).count > 0
}

/** Takes the app away: sign-in asks for it no more. None there is no error. */
export async function disableTotp(actor: UserActor): Promise<TotpDisabled> {
  return transaction('auth', actor, async (tx) => {
    const user = await lockCaller(tx, actor)
    if (!user) return refuseCaller()
    await tx.purge('totpFactor', { userId: user.id, confirmedAt: null })
    const removed = await setAside(tx, user.id)
    await purgeIdleRecoveryCodes(tx, user.id)
    if (removed) tx.record('auth.totp.disabled', { user: user.id }, {})
    return { status: 'DISABLED' }
  })
}

/** Completes a sign-in by the code of an authenticator app. @throws as `signInBySecondFactor` */
export async function signInByTotp(
  actor: Actor,
  { pendingToken, code }: SecondFactorCode,
  marker: string | null,
): Promise<SignInDone<SignedIn>> {
  return signInBySecondFactor(actor, { pendingToken, method: 'TOTP', prove: proveTotp(code) }, marker)
}

/** Steps up by the code of an authenticator app. @throws as `stepUp` */
export async function stepUpByTotp(actor: UserActor, kind: SessionKind, { code }: TotpCode): Promise<SignInDone<SignedIn>> {
  return stepUp(actor, kind, { method: 'TOTP', field: 'code', verify: async () => proveTotp(code) })
}

/**
 * A code is taken once, by one conditional UPDATE: of any number at once one gets the row, and none that is as old or older comes after it (RFC 6238,
 * section 5.2: "MUST NOT accept the second attempt of the OTP").
 */
function proveTotp(code: string): Prove {
  return async (tx, user) => {
    const factor = await confirmed(user.id)
    const step = factor && matchingTotpStep(secretOf(factor), code, tx.now)
    if (!factor || step === null) return false
    const { count } = await tx.totpFactor.updateMany({
      where: { id: factor.id, lastStep: { lt: step } },
      data: { lastStep: step, ...resealed(factor) },
    })
    return count === 1
  }
}

interface Sealed {
  readonly userId: string
  readonly sealedSecret: string
}

async function confirmed(userId: string) {
  return db('auth').totpFactor.findFirst({ where: { userId, confirmedAt: { not: null } } })
}

function secretOf({ userId, sealedSecret }: Sealed): Buffer {
  return Buffer.from(openSecret(sealedSecret, aboutTotpOf(userId)), 'base64url')
}

/** A key that was replaced can be taken away when everybody has signed in once. */
function resealed(factor: Sealed): { sealedSecret?: string } {
  if (!isSealedByOldKey(factor.sealedSecret)) return {}
  return { sealedSecret: sealSecret(secretOf(factor).toString('base64url'), aboutTotpOf(factor.userId)) }
}

function aboutTotpOf(userId: string): string {
  return `totp:${userId}`
}

/** As apps read it: https://github.com/google/google-authenticator/wiki/Key-Uri-Format. What is not said is what RFC 6238 has. */
function urlFor(email: string, secret: string): string {
  const issuer = new URL(publicUrl('/')).host
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(email)}`
  return `otpauth://totp/${label}?${new URLSearchParams({ secret, issuer })}`
}
