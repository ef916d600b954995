/** What goes into signing in by a remembered device. */
import { z } from 'zod'
import { Delivery, Token } from './schema.ts'

export const RememberedSignIn = z
  .strictObject({
    /** What a tool was given as `rememberToken`; a browser's cookie holds it. */
    token: Token.exactOptional(),
    delivery: Delivery,
  })
  // What no script can read is not to be made into what one can.
  .refine(({ token, delivery }) => token !== undefined || delivery === 'COOKIE', { path: ['token'], error: 'is what a token is given for' })
export type RememberedSignIn = z.infer<typeof RememberedSignIn>
