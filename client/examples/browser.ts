/** Signing in from a page: the server sets a cookie that no script can read, and the browser sends it along with every call. */
import { createClient, isAppError, type Client, type RouterOutputs } from '@plinth/client'

type Me = RouterOutputs['auth']['me']
type Answer = RouterOutputs['auth']['signIn']
type AskForCode = () => Promise<string>

/** Gives a client for a page. `url` is where Plinth is: `location.origin` for a page under the same host. */
export function connect(url: string): Client {
  return createClient({ url })
}

/** Signs in by a password. `askForCode` is called where the account has an authenticator app: nobody is signed in until its code is right. */
export async function signIn(plinth: Client, email: string, password: string, askForCode: AskForCode): Promise<Me> {
  return complete(plinth, await plinth.auth.signIn.mutate({ email, password, delivery: 'COOKIE' }), askForCode)
}

/**
 * What every page begins with: gives who is signed in, if need be by what an earlier sign-in with `remember: true` left in the browser. Null where
 * somebody has to sign in. Tabs that a browser restores all call it at once, and one of them is let in: the others wait for its cookie.
 */
export async function comeBack(plinth: Client, askForCode: AskForCode): Promise<Me | null> {
  for (const waitMs of [0, 300, 1_500]) {
    await new Promise((done) => setTimeout(done, waitMs))
    const me = await whoIsSignedIn(plinth)
    if (me) return me
    const answer = await signInByDevice(plinth)
    if (answer !== 'ANOTHER_TAB') return answer && complete(plinth, answer, askForCode)
  }
  return null
}

async function whoIsSignedIn(plinth: Client): Promise<Me | null> {
  try {
    return await plinth.auth.me.query()
  } catch (error) {
    if (isAppError(error, 'UNAUTHORIZED')) return null
    throw error
  }
}

async function signInByDevice(plinth: Client): Promise<Answer | null | 'ANOTHER_TAB'> {
  try {
    return await plinth.auth.remembered.signIn.mutate({ delivery: 'COOKIE' })
  } catch (error) {
    if (isAppError(error, 'UNAUTHORIZED')) return null
    if (isAppError(error, 'ALREADY_DONE')) return 'ANOTHER_TAB'
    throw error
  }
}

async function complete(plinth: Client, answer: Answer, askForCode: AskForCode): Promise<Me> {
  if (answer.status === 'SIGNED_IN') return answer.me
  const { me } = await plinth.auth.secondFactor.totp.mutate({ pendingToken: answer.pendingToken, code: await askForCode() })
  return me
}
