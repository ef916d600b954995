/** UUIDv7 (RFC 9562, section 5.7) for a given time. */
import { randomBytes } from 'node:crypto'

let lastMs = 0
let counter = 0

/** Makes a UUIDv7 of this time. Those of one process and one millisecond are in the order in which they were made. */
export function timeOrderedId(at: Date): string {
  const ms = at.getTime()
  const bytes = randomBytes(16)
  counter = ms === lastMs ? counter + 1 : bytes.readUInt16BE(6) & 0x7ff
  lastMs = ms
  bytes.writeUIntBE(ms, 0, 6)
  bytes.writeUInt16BE(0x7000 | (counter & 0xfff), 6)
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
