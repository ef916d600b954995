/** Stepping up by a code from a mail: the way of those who have neither a password nor a second factor. */
import { transaction } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import type { SignInDone } from './complete-sign-in.ts'
import { emailCodeTtlMs, findPendingMail, isCodeOf, mostCodeTries, pendingTokenOf } from './email-codes.ts'
import type { EmailCodeSent, StepUpEmail } from './schema-email-sign-in.ts'
import type { SessionKind } from './schema.ts'
import type { SignedIn } from './schema-sign-in.ts'
import { stepUpNeedsOf } from './second-factors.ts'
import { refuseMethod, stepUp, type Prove } from './step-up.ts'
import { mayMail, refuseMail } from './throttle.ts'
import { countTry, insertToken, takeToken } from './tokens.ts'

const purpose = 'EMAIL_STEP_UP'

/**
 * Mails a code to step up by. An earlier one ends.
 *
 * @throws STEP_UP_REQUIRED, with what serves, for who has more than a mailbox; TOO_MANY_REQUESTS after three mails an hour.
 */
export async function requestStepUpEmail(actor: UserActor): Promise<EmailCodeSent> {
  const { methods } = await stepUpNeedsOf(actor.userId)
  if (!methods.includes('EMAIL')) return refuseMethod(actor, 'EMAIL', methods)
  if (!(await mayMail('STEP_UP', actor.userId))) {
    return refuseMail(actor, 'STEP_UP', 'Too many mails were asked for. Try again later.')
  }
  return transaction('auth', actor, async (tx) => {
    const user = await lockCaller(tx, actor)
    if (!user) return refuseCaller()
    const about = { subject: user.id, userId: user.id, email: user.email, ttlMs: emailCodeTtlMs }
    const tokenId = await insertToken(tx, { purpose, ...about })
    tx.record('auth.step_up.mail_requested', { user: user.id }, { tokenId })
    const expiresAt = new Date(tx.now.getTime() + emailCodeTtlMs)
    return { status: 'CHECK_EMAIL', pendingToken: pendingTokenOf(purpose, tokenId), expiresAt }
  })
}

/** Steps up by the code from the mail. @throws as `stepUp` */
export async function stepUpByEmail(
  actor: UserActor,
  kind: SessionKind,
  { pendingToken, code }: StepUpEmail,
): Promise<SignInDone<SignedIn>> {
  const prove: Prove = async (tx, user) => {
    const pending = await findPendingMail(purpose, pendingToken)
    if (pending?.row.userId !== user.id || pending.row.email !== user.email) return false
    if (isCodeOf(purpose, pending.row.id, code)) return (await takeToken(tx, purpose, pending.token)) !== null
    await countTry(tx, purpose, pending.token, mostCodeTries)
    return false
  }
  return stepUp(actor, kind, { method: 'EMAIL', field: 'code', verify: async () => prove })
}
