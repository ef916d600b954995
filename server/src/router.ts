/** Every procedure: one line per service. Its type is what clients are made from. */
import { authRouter } from './services/auth/router.ts'
import { teamsRouter } from './services/teams/router.ts'
import { router } from './trpc/procedures.ts'

export const appRouter = router({
  /** Accounts, sessions and passwords. */
  auth: authRouter,
  /** Teams, their members, invitations and what happened in them. */
  teams: teamsRouter,
})

export type AppRouter = typeof appRouter
