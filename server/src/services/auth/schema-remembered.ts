/** What goes into signing in by a remembered device. */
import { z } from 'zod'
import { Delivery, Token } from './schema.ts'

export const RememberedSignIn = z.strictObject({
  /** What a tool was given as `rememberToken`; a browser's cookie holds it, and is made into no token. */
  token: Token.exactOptional(),
  delivery: Delivery,
})
export type RememberedSignIn = z.infer<typeof RememberedSignIn>
