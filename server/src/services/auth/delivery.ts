/** How what a sign-in came to reaches its caller: the answer, and for a browser its cookies. Every door that signs in uses it. */
import type { SignInDone } from './complete-sign-in.ts'

/** What of a call's context puts cookies into its answer. */
interface Replying {
  readonly reply: {
    setSessionCookie(token: string, maxAgeSeconds: number): void
    setDeviceCookie(marker: string): void
  }
}

/** Sets the cookies, when the session is committed and not before, and gives the answer. */
export function deliver<A>({ reply }: Replying, { answer, cookie, device }: Omit<SignInDone, 'answer'> & { readonly answer: A }): A {
  if (cookie) reply.setSessionCookie(cookie.token, cookie.maxAgeSeconds)
  if (device) reply.setDeviceCookie(device)
  return answer
}
