/** Every procedure: one line per service. Its type is what clients are made from. */
import { adminRouter } from './services/admin/router.ts'
import { authRouter } from './services/auth/router.ts'
import { profileRouter } from './services/profile/router.ts'
import { teamsRouter } from './services/teams/router.ts'
import { router } from './trpc/procedures.ts'

export const appRouter = router({
  /** What administrators of the installation look at. */
  admin: adminRouter,
  /** Accounts, sessions and passwords. */
  auth: authRouter,
  /** What people tell of themselves. */
  profile: profileRouter,
  /** Teams, their members, invitations and what happened in them. */
  teams: teamsRouter,
})

export type AppRouter = typeof appRouter
