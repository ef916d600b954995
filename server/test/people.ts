/** People for tests, made through the API alone. */
import { createClient, type Client, type RouterOutputs } from '@plinth/client'
import type { MailFile } from '#lib/mail.ts'
import { readOutbox } from '../src/http/outbox.ts'
import { eventually } from './outbox.ts'

export interface TestPerson {
  readonly client: Client
  readonly token: string
  readonly email: string
  readonly password: string
  readonly me: RouterOutputs['auth']['me']
}

/** A server, and the folder its mails go to as a URL. */
export interface Place {
  readonly url: string
  readonly outbox: string
}

/** Gives the mails that were sent to an address, newest first. */
export async function mailsTo(outbox: string, email: string): Promise<MailFile[]> {
  return (await readOutbox(outbox)).filter(({ to }) => to === email)
}

/** Waits for a mail to an address whose text matches, and gives the token of the newest one's link. */
export function tokenMailedTo(outbox: string, email: string, about = /./): Promise<string> {
  return eventually(async () => tokenIn((await mailsTo(outbox, email)).find(({ text }) => about.test(text))))
}

/** Makes a person: signed up, verified by mail, signed in with a token. */
export async function signUpAs(
  { url, outbox }: Place,
  email: string,
  options: { name?: string; password?: string } = {},
): Promise<TestPerson> {
  const { name = email.split('@')[0] ?? email, password = 'correct horse battery staple' } = options
  const stranger = createClient({ url })
  await stranger.auth.signUp.mutate({ email, name, password })
  await stranger.auth.verifyEmail.mutate({ token: await tokenMailedTo(outbox, email) })
  const answer = await stranger.auth.signIn.mutate({ email, password, delivery: 'TOKEN' })
  if (answer.status !== 'SIGNED_IN' || answer.token === null) throw new Error('a tool that signs in by a password alone is given a token')
  const { token, me } = answer
  return { client: createClient({ url, token }), token, email, password, me }
}

/** The token of the first link that has one. */
function tokenIn(mail: MailFile | undefined): string | undefined {
  return mail && /[?&#]token=([\w-]+)/.exec(mail.text)?.[1]
}
