/** The doors of `profile`: who may knock, what goes in, what comes out. */
import { Nothing, router, verified } from '../../trpc/procedures.ts'
import { getProfile, updateProfile } from './profiles.ts'
import { Profile, UpdateProfile } from './schema.ts'

export const profileRouter = router({
  /** Gives the caller's own profile. */
  get: verified
    .input(Nothing)
    .output(Profile)
    .query(({ ctx }) => getProfile(ctx.actor)),
  /** Changes what is given of the caller's own profile, where nobody changed it meanwhile. */
  update: verified
    .input(UpdateProfile)
    .output(Profile)
    .mutation(({ ctx, input }) => updateProfile(ctx.actor, input)),
})
