/** Passkeys from a page, with @simplewebauthn/browser: what the server gives goes to it as it is, and what it gives goes back as it is. */
import type { Client, RouterOutputs } from '@plinth/client'
import { startAuthentication, startRegistration } from '@simplewebauthn/browser'

/** Shows codes to be kept on paper, and comes back when the person has them. */
type ShowCodes = (codes: readonly string[]) => Promise<void>

/**
 * Registers a passkey for who is signed in. Where the last proof is older than ten minutes it is refused with STEP_UP_REQUIRED: see `proveAgain`.
 * From then on a password alone signs nobody in: whoever has no recovery codes is given some, or they are locked out when the passkey is lost.
 */
export async function addPasskey(plinth: Client, name: string, show: ShowCodes): Promise<RouterOutputs['auth']['passkey']['register']> {
  const optionsJSON = await plinth.auth.passkey.registerOptions.mutate()
  const passkey = await plinth.auth.passkey.register.mutate({ name, response: await startRegistration({ optionsJSON }) })
  if (passkey.recoveryCodesLeft > 0) return passkey
  // The codes are for whoever has the passkey: it is shown once, which says as well that it works.
  await proveAgain(plinth)
  await show((await plinth.auth.recoveryCode.regenerate.mutate()).codes)
  return passkey
}

/** Signs in by a passkey that the person chooses; nobody types an address. */
export async function signInByPasskey(plinth: Client): Promise<RouterOutputs['auth']['passkey']['signIn']> {
  const { options } = await plinth.auth.passkey.signInOptions.mutate({ delivery: 'COOKIE' })
  return plinth.auth.passkey.signIn.mutate({ response: await startAuthentication({ optionsJSON: options }) })
}

/** Completes a sign-in that answered SECOND_FACTOR with PASSKEY among its methods. */
export async function completeByPasskey(plinth: Client, pendingToken: string): Promise<RouterOutputs['auth']['secondFactor']['passkey']> {
  const optionsJSON = await plinth.auth.passkey.secondFactorOptions.mutate({ pendingToken })
  return plinth.auth.secondFactor.passkey.mutate({ pendingToken, response: await startAuthentication({ optionsJSON }) })
}

/** Proves once more who is there. The session goes on, and what answered STEP_UP_REQUIRED can be called again. */
export async function proveAgain(plinth: Client): Promise<void> {
  const optionsJSON = await plinth.auth.passkey.stepUpOptions.mutate()
  await plinth.auth.stepUp.passkey.mutate({ response: await startAuthentication({ optionsJSON }) })
}
