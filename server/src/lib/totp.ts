/** Time-based one-time passwords (RFC 6238) as authenticator apps make them: HMAC-SHA1, thirty seconds, six digits. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const stepMs = 30_000
const digits = 6
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** What an app makes its codes by: SHA-1 and six digits are what all of them can. */
export interface TotpVariant {
  readonly algorithm: 'sha1' | 'sha256' | 'sha512'
  readonly digits: number
}

/** Makes a secret of 160 random bits, as long as the output of its HMAC (RFC 4226, section 4). */
export function newTotpSecret(): Buffer {
  return randomBytes(20)
}

/** The number of the thirty seconds that a moment lies in, counted from 1970. */
export function totpStep(at: Date): number {
  return Math.floor(at.getTime() / stepMs)
}

/** The code of one step (RFC 4226, section 5.3). */
export function totpCode(
  secret: Uint8Array,
  step: number,
  { algorithm, digits: length }: TotpVariant = { algorithm: 'sha1', digits },
): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac(algorithm, secret).update(counter).digest()
  const truncated = mac.readUInt32BE((mac.at(-1) ?? 0) & 0xf) & 0x7fffffff
  return String(truncated % 10 ** length).padStart(length, '0')
}

/**
 * Gives the step that a code is of: this one, the one before or the next (RFC 6238, section 5.2 advises one for the way and for clocks that differ);
 * null where it is none of them. Spaces are people's way of reading a code. Whoever takes it remembers the step and takes it but once.
 */
export function matchingTotpStep(secret: Uint8Array, code: string, at: Date): number | null {
  const typed = Buffer.from(code.replaceAll(' ', ''))
  const present = totpStep(at)
  const matches = [present - 1, present, present + 1].filter((step) => isEqual(typed, Buffer.from(totpCode(secret, step))))
  return matches.at(-1) ?? null
}

function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Writes bytes as base32 (RFC 4648) without padding, as apps and people take a secret. */
export function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? []).map((five) => alphabet[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')
}
