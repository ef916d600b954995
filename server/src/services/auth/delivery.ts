/** How what a sign-in came to reaches its caller: the answer, and for a browser its cookies. Every door that signs in uses it. */
import type { SignInDone } from './complete-sign-in.ts'

/** What of a call's context puts cookies into its answer. */
interface Replying {
  readonly reply: {
    setSessionCookie(token: string, maxAgeSeconds: number): void
    setDeviceCookie(marker: string): void
    setRememberCookie(token: string): void
    clearRememberCookie(): void
  }
  readonly rememberToken: string | null
}

/** Sets the cookies, when the session is committed and not before, and gives the answer. */
export function deliver<A>({ reply, rememberToken }: Replying, done: Omit<SignInDone, 'answer'> & { readonly answer: A }): A {
  const { answer, cookie, device, remembered } = done
  if (cookie) reply.setSessionCookie(cookie.token, cookie.maxAgeSeconds)
  if (device) reply.setDeviceCookie(device)
  if (remembered) reply.setRememberCookie(remembered)
  // Whoever signs in without it on a browser that remembers somebody is not to find that person there later.
  else if (remembered === null && rememberToken !== null) reply.clearRememberCookie()
  return answer
}
