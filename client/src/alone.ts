/** Made by `node server/dev/access.ts` from the doors of the server. Do not edit. */

/** Procedures that are sent alone: their answer sets a cookie or holds a secret, which must not be lost with another call's. */
export const alone: ReadonlySet<string> = new Set<string>([
  'auth.apiKey.create',
  'auth.applicationSecret.create',
  'auth.password.change',
  'auth.plex.check',
  'auth.plex.link',
  'auth.plex.start',
  'auth.provider.finish',
  'auth.provider.link',
  'auth.provider.proveAgain',
  'auth.provider.start',
  'auth.secondFactor.totp',
  'auth.signIn',
  'auth.signOut',
  'auth.stepUp.password',
  'auth.stepUp.provider',
  'auth.stepUp.totp',
  'auth.totp.confirm',
  'auth.totp.enrol',
])
