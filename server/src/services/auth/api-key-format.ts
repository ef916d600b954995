/** What an API key looks like. What does not look so is none, and costs no query. */
import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const prefix = 'pln_k_'

/** Makes a key: the prefix that secret scanners know it by, 256 random bits, and a CRC-32 over both. */
export function newApiKey(): string {
  const body = prefix + randomBytes(32).toString('base64url')
  return body + checksumOf(body)
}

/** Whether it starts as keys do: it is then nothing else, such as a session's token. */
export function startsAsApiKey(token: string): boolean {
  return token.startsWith(prefix)
}

/** Whether it can be a key: typed, cut and invented ones are found out by the CRC. It is no proof. */
export function looksLikeApiKey(token: string): boolean {
  return /^pln_k_[\w-]{49}$/.test(token) && checksumOf(token.slice(0, -6)) === token.slice(-6)
}

function checksumOf(body: string): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(body))
  return bytes.toString('base64url')
}
