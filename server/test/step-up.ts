/** Proving once more who one is, in tests of something else. */
import type { Browser } from './browser.ts'
import { eventually } from './outbox.ts'
import type { TestServer } from './server.ts'

/** Steps up by a code from a mail: the way of whoever has neither a password nor a second factor. */
export async function stepUpByMail(server: TestServer, browser: Browser, email: string): Promise<void> {
  const { pendingToken } = (await browser.mutate('auth.stepUp.requestEmail')).data as { pendingToken: string }
  const mail = await eventually(async () => (await server.mailsTo(email)).find(({ subject }) => subject === 'Confirm that it is you'))
  const code = /code there: (\d{8})$/m.exec(mail.text)?.[1]
  const answer = await browser.mutate('auth.stepUp.email', { pendingToken, code })
  if (answer.status !== 200) throw new Error(`Nobody stepped up: ${JSON.stringify(answer.error)}`)
}
