/** Signing in from a tool: the token is in the answer, once, and goes along as `Authorization: Bearer`. */
import { createClient, type Client } from '@plinth/client'

/** Gives a client that is signed in. A tool that nobody watches takes an API key in the place of the token, and never sees a password. */
export async function connectAs(url: string, email: string, password: string): Promise<Client> {
  const answer = await createClient({ url }).auth.signIn.mutate({ email, password, delivery: 'TOKEN' })
  if (answer.status !== 'SIGNED_IN') throw new Error('This account asks for a second factor: make an API key for the tool.')
  const { token } = answer
  return createClient({ url, token: () => token })
}
