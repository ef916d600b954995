/** How what a visit came to reaches its caller: the answer, and for a browser its cookies. */

/** What of a call's context puts cookies into its answer. */
interface Replying {
  readonly reply: {
    setSessionCookie(token: string, maxAgeSeconds: number): void
    setDeviceCookie(marker: string): void
    setHolderCookie(secret: string): void
  }
}

interface Begun<A> {
  readonly answer: A
  readonly holder: string | null
}

/** Lets a browser that began a visit prove it later, and gives the answer. */
export function setHolder<A>({ reply }: Replying, { answer, holder }: Begun<A>): A {
  if (holder !== null) reply.setHolderCookie(holder)
  return answer
}
