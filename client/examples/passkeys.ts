/** Passkeys from a page, with @simplewebauthn/browser: what the server gives goes to it as it is, and what it gives goes back as it is. */
import type { Client, RouterOutputs } from '@plinth/client'
import { startAuthentication, startRegistration } from '@simplewebauthn/browser'

/** Registers a passkey for who is signed in. Where the last proof is older than ten minutes it is refused with STEP_UP_REQUIRED: see `proveAgain`. */
export async function addPasskey(plinth: Client, name: string): Promise<RouterOutputs['auth']['passkey']['register']> {
  const optionsJSON = await plinth.auth.passkey.registerOptions.mutate()
  return plinth.auth.passkey.register.mutate({ name, response: await startRegistration({ optionsJSON }) })
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
