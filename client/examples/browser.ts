/** Signing in from a page: the server sets a cookie that no script can read, and the browser sends it along with every call. */
import { createClient, type Client, type RouterOutputs } from '@plinth/client'

type Me = RouterOutputs['auth']['me']

/** Gives a client for a page. `url` is where Plinth is: `location.origin` for a page under the same host. */
export function connect(url: string): Client {
  return createClient({ url })
}

/** Signs in by a password. `askForCode` is called where the account has an authenticator app: nobody is signed in until its code is right. */
export async function signIn(plinth: Client, email: string, password: string, askForCode: () => Promise<string>): Promise<Me> {
  const answer = await plinth.auth.signIn.mutate({ email, password, delivery: 'COOKIE' })
  if (answer.status === 'SIGNED_IN') return answer.me
  const { me } = await plinth.auth.secondFactor.totp.mutate({ pendingToken: answer.pendingToken, code: await askForCode() })
  return me
}
