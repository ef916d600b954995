/**
 * Secrets that must be read again: seeds of authenticator apps, tokens of providers. AES-256-GCM (NIST SP 800-38D) under a key that has an id, so
 * that it can be replaced while what it sealed is still opened.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { keyedHash } from './secrets.ts'

/** The id of the key that PLINTH_SECRET makes. It opens also when there are others, so none of them has it: an installation may begin without. */
export const derivedId = '0'

let keys: ReadonlyMap<string, Buffer> = new Map()
let sealing = derivedId

/** Gives the ids in a list of keys as PLINTH_SEALING_KEYS has it. */
export function sealingIds(list: string): string[] {
  return keysIn(list).map(([id]) => id)
}

/** Sets the keys (PLINTH_SEALING_KEYS): `id:secret`, comma-separated; the first seals, all open. Called once at start. */
export function useSealingKeys(list: string): void {
  const given = keysIn(list)
  keys = new Map(given.map(([id, secret]) => [id, Buffer.from(hkdfSync('sha256', secret, '', 'plinth:sealed', 32))]))
  sealing = given[0]?.[0] ?? derivedId
}

/**
 * Seals a text: only the same key and the same `about` open it. `about` says whose it is and what for (`totp:<user>`), so that whoever can write the
 * database cannot give one person another's secret. The same text is sealed differently each time.
 */
export function sealSecret(text: string, about: string): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', keyOf(sealing), nonce).setAAD(boundTo(sealing, about))
  const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return `${sealing}.${sealed.toString('base64url')}`
}

/** Opens what `sealSecret` sealed about the same thing. Throws for anything else, and where its key is not among the keys any more. */
export function openSecret(sealed: string, about: string): string {
  const [id = '', text = ''] = sealed.split('.')
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length < 28) throw new Error('This was not sealed here')
  const decipher = createDecipheriv('aes-256-gcm', keyOf(id), bytes.subarray(0, 12), { authTagLength: 16 }).setAAD(boundTo(id, about))
  decipher.setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8')
}

/** Whether another key than today's sealed it: seal it again when it is next opened, or the old key can never be taken away. */
export function isSealedByOldKey(sealed: string): boolean {
  return !sealed.startsWith(`${sealing}.`)
}

function keysIn(list: string): [id: string, secret: string][] {
  return list === '' ? [] : list.split(',').map((key) => key.split(':') as [string, string])
}

function keyOf(id: string): Buffer {
  const key = keys.get(id) ?? (id === derivedId ? keyedHash('sealed', '') : undefined)
  if (!key) throw new Error(`PLINTH_SEALING_KEYS has no key ${id}`)
  return key
}

function boundTo(id: string, about: string): Buffer {
  return Buffer.from(`${id}\n${about}`)
}
