/**
 * Devices that an account was signed in from: the throttle of the account, which anybody can fill, does not hold for them (identity research
 * 4.3; ASVS 6.1.1). A marker signs nobody in. It is random, with an HMAC over itself and the address, so that nothing is stored, it names
 * nobody, and the attempts with each are counted by themselves: a stolen one is worth a hundred guesses, as any stranger's.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { keyedHash } from '#lib/secrets.ts'

/** Makes the marker of a device for the account with this address. */
export function markDevice(email: string): string {
  const id = randomBytes(16).toString('base64url')
  return `pln_d_${id}.${sealOf(id, email)}`
}

/** Gives what this device's attempts at the account are counted by, or null where it has not been signed in from. */
export function knownDevice(marker: string | null, email: string): string | null {
  const [, id, seal] = /^pln_d_([\w-]{22})\.([\w-]{43})$/.exec(marker ?? '') ?? []
  if (id === undefined || seal === undefined) return null
  return timingSafeEqual(Buffer.from(seal), Buffer.from(sealOf(id, email))) ? `device:${id}` : null
}

function sealOf(id: string, email: string): string {
  return keyedHash('known-device', `${id}\n${email}`).toString('base64url')
}
