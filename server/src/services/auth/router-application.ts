/** The doors of applications and their secrets. */
import { inApplication, inApplicationSteppedUp, router, verified, verifiedSteppedUp } from '../../trpc/procedures.ts'
import { createSecret, listSecrets, revokeSecret } from './application-secrets.ts'
import {
  createApplication,
  deleteApplication,
  getApplication,
  listApplications,
  restoreApplication,
  updateApplication,
} from './applications.ts'
import {
  Application,
  ApplicationList,
  ApplicationSecret,
  CreateApplication,
  CreateSecret,
  InApplication,
  ListApplications,
  NewSecret,
  PageInApplication,
  RevokeSecret,
  SecretList,
  UpdateApplication,
} from './schema-application.ts'

export const applicationRouter = router({
  /** Registers an application whose first owner is the caller. */
  create: verifiedSteppedUp
    .input(CreateApplication)
    .output(Application)
    .mutation(({ ctx, input }) => createApplication(ctx.actor, input)),
  /** Lists the applications that the caller manages, or with `deleted` those that they may restore. */
  list: verified
    .meta({ keys: true })
    .input(ListApplications)
    .output(ApplicationList)
    .query(({ ctx, input }) => listApplications(ctx.actor, input)),
  /** Gives one application. Owners and admins may. */
  get: inApplication
    .meta({ keys: true })
    .input(InApplication)
    .output(Application)
    .query(({ ctx }) => getApplication(ctx.actor)),
  /** Changes what is given. Only an owner may, from the version that they have seen. */
  update: inApplicationSteppedUp
    .input(UpdateApplication)
    .output(Application)
    .mutation(({ ctx, input }) => updateApplication(ctx.actor, input)),
  /** Deletes an application with its people. Only an owner may. */
  delete: inApplicationSteppedUp
    .input(InApplication)
    .output(Application)
    .mutation(({ ctx }) => deleteApplication(ctx.actor)),
  /** Brings a deleted application back. Only somebody who owned it may. */
  restore: verified
    .input(InApplication)
    .output(Application)
    .mutation(({ ctx, input }) => restoreApplication(ctx.actor, input.applicationId)),
})

export const applicationSecretRouter = router({
  /** Makes a secret, shown this once; older ones stay good beside it. Only an owner may. */
  create: inApplicationSteppedUp
    .meta({ secret: true })
    .input(CreateSecret)
    .output(NewSecret)
    .mutation(({ ctx, input }) => createSecret(ctx.actor, input)),
  /** Lists the secrets that are good, without what they are. Only an owner may. */
  list: inApplication
    .input(PageInApplication)
    .output(SecretList)
    .query(({ ctx, input }) => listSecrets(ctx.actor, input)),
  /** Ends a secret. Only an owner may. */
  revoke: inApplication
    .input(RevokeSecret)
    .output(ApplicationSecret)
    .mutation(({ ctx, input }) => revokeSecret(ctx.actor, input)),
})
