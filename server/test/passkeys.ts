/** People with passkeys, made and used through the API alone. */
import type { RouterInputs, RouterOutputs } from '@plinth/client'
import { newAuthenticator, type Authenticator, type Habits, type Lies } from './authenticator.ts'
import { openBrowser, type Answer, type Browser } from './browser.ts'
import type { TestServer } from './server.ts'

type Passkeys = RouterOutputs['auth']['passkey']
type Response = RouterInputs['auth']['passkey']['signIn']['response']

/** The PUBLIC_URL of servers that passkeys are tested with. */
export const passkeyOrigin = 'https://plinth.example.com'

export const passkeyPassword = 'nine lazy otters hum'

export interface PasskeyPerson {
  readonly email: string
  /** Signed in by the password, at level 1. */
  readonly browser: Browser
  readonly key: Authenticator
  readonly passkey: Passkeys['register']
}

/** Makes a person with a password and one passkey. */
export async function passkeyPerson(server: TestServer, email: string, habits: Partial<Habits> = {}): Promise<PasskeyPerson> {
  await server.signUpAs(email, { password: passkeyPassword })
  const browser = openBrowser(server.url)
  await browser.mutate('auth.signIn', { email, password: passkeyPassword, delivery: 'COOKIE' })
  const key = newAuthenticator({ origin: passkeyOrigin, ...habits })
  const answer = await registerKey(browser, key, 'first')
  if (answer.status !== 200) throw new Error(`No passkey was registered: ${answer.text}`)
  return { email, browser, key, passkey: answer.data as Passkeys['register'] }
}

/** Registers a new key of an authenticator for whoever is signed in in this browser. */
export async function registerKey(browser: Browser, key: Authenticator, name: string, lies: Lies = {}): Promise<Answer> {
  const options = (await browser.mutate('auth.passkey.registerOptions')).data as Passkeys['registerOptions'] | undefined
  return browser.mutate('auth.passkey.register', { name, response: options && key.register(options, lies) })
}

/** Begins a sign-in in this browser, and has the authenticator answer. */
export async function answerOf(browser: Browser, key: Authenticator, lies: Lies = {}): Promise<Response> {
  const { data } = await browser.mutate('auth.passkey.signInOptions', { delivery: 'COOKIE' })
  return key.sign((data as Passkeys['signInOptions']).options, lies)
}

/** Signs in by a passkey, in this browser. */
export async function signInBy(browser: Browser, key: Authenticator, lies: Lies = {}): Promise<Answer> {
  return browser.mutate('auth.passkey.signIn', { response: await answerOf(browser, key, lies) })
}

/** Steps up by a passkey, in this browser. */
export async function stepUpBy(browser: Browser, key: Authenticator, lies: Lies = {}): Promise<Answer> {
  const { data } = await browser.mutate('auth.passkey.stepUpOptions')
  return browser.mutate('auth.stepUp.passkey', { response: key.sign(data as Passkeys['stepUpOptions'], lies) })
}

/** Completes a sign-in that waits by a passkey. */
export async function completeBy(browser: Browser, pendingToken: string, key: Authenticator, lies: Lies = {}): Promise<Answer> {
  const { data } = await browser.mutate('auth.passkey.secondFactorOptions', { pendingToken })
  return browser.mutate('auth.secondFactor.passkey', { pendingToken, response: key.sign(data as Passkeys['secondFactorOptions'], lies) })
}
