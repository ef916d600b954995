/** Keys derived from the one secret of the installation, each for one purpose, and what is done with them. */
import { createHash, createHmac, hkdfSync } from 'node:crypto'

const keys = new Map<string, Buffer>()
let root: string | undefined

/** Sets the installation's secret (PLINTH_SECRET). Called once at start. */
export function useSecret(secret: string): void {
  root = secret
  keys.clear()
}

/** A keyed hash (HMAC-SHA256, RFC 2104) under a key of its own for `purpose`: a hash made for one purpose is worth nothing for another. */
export function keyedHash(purpose: string, value: string | Uint8Array): Buffer<ArrayBuffer> {
  return createHmac('sha256', keyFor(purpose)).update(value).digest()
}

/** sha256, for tokens of 256 random bits: they need no salt (ASVS 5.0, 11.4.2). */
export function sha256(value: string | Uint8Array): Buffer<ArrayBuffer> {
  return createHash('sha256').update(value).digest()
}

function keyFor(purpose: string): Buffer {
  if (root === undefined) throw new Error('useSecret() has not been called')
  const known = keys.get(purpose)
  if (known) return known
  const key = Buffer.from(hkdfSync('sha256', root, '', `plinth:${purpose}`, 32))
  keys.set(purpose, key)
  return key
}
