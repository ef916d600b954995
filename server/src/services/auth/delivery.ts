/** How what a sign-in came to reaches its caller: the answer, and for a browser its cookies. Every door that signs in uses it. */
import type { Context } from '../../trpc/context.ts'
import type { SignInDone } from './complete-sign-in.ts'
import type { SignInAnswer } from './schema-sign-in.ts'

/** Sets the cookies, when the session is committed and not before, and gives the answer. */
export function deliver<A extends SignInAnswer>(ctx: Pick<Context, 'reply'>, { answer, cookie, device }: SignInDone<A>): A {
  if (cookie) ctx.reply.setSessionCookie(cookie.token, cookie.maxAgeSeconds)
  if (device) ctx.reply.setDeviceCookie(device)
  return answer
}
