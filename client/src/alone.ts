/** Made by `node server/dev/access.ts` from the doors of the server. Do not edit. */

/** Procedures that are sent alone: their answer sets a cookie or holds a secret, which must not be lost with another call's. */
export const alone: ReadonlySet<string> = new Set<string>([
  'auth.applicationSecret.create',
  'auth.emailSignIn.byCode',
  'auth.emailSignIn.byLink',
  'auth.emailSignIn.request',
  'auth.password.change',
  'auth.provider.finish',
  'auth.provider.start',
  'auth.recoveryCode.regenerate',
  'auth.secondFactor.recoveryCode',
  'auth.secondFactor.totp',
  'auth.signIn',
  'auth.signOut',
  'auth.stepUp.email',
  'auth.stepUp.password',
  'auth.stepUp.recoveryCode',
  'auth.stepUp.requestEmail',
  'auth.stepUp.totp',
  'auth.totp.confirm',
  'auth.totp.enrol',
])
