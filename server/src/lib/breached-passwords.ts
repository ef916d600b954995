/**
 * Passwords that are known from breaches of other services, looked up in a file that the operator mounts: nothing leaves the machine. The file is
 * Have I Been Pwned's "ordered by hash" list (SHA-1 in hex, a colon, a count; one a line, sorted), or any that is made like it.
 */
import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { ConfigError } from './config.ts'

/** Longer than two lines: a hash has 40 digits, and a count not more than ten. */
const window = 128

const lineForm = /^([0-9A-F]{40})(?::\d{1,20})?\r?$/i

interface SortedFile {
  readonly handle: FileHandle
  readonly size: number
}

interface Line {
  /** Where it begins, in bytes. */
  readonly start: number
  readonly hash: string
  /** Where the next one begins. */
  readonly next: number
}

let list: SortedFile | null = null

/**
 * Opens the list, or does without one. It stays open, so that a file which is replaced by a newer one is read on until the next start.
 *
 * @throws ConfigError where it cannot be read, or its first line is none of such a list.
 */
export async function useBreachedPasswords(path: string | undefined): Promise<void> {
  await closeBreachedPasswords()
  if (path === undefined) return
  const handle = await open(path).catch(() => null)
  if (!handle) throw new ConfigError('BREACHED_PASSWORDS_FILE cannot be read.')
  const file = { handle, size: (await handle.stat()).size }
  const first = await lineFrom(file, 0).catch(() => null)
  if (!first) {
    await handle.close()
    throw new ConfigError('BREACHED_PASSWORDS_FILE is no list of SHA-1 hashes, one a line and sorted.')
  }
  list = file
}

/** Lets go of the list. Safe to call without one. */
export async function closeBreachedPasswords(): Promise<void> {
  const { handle } = list ?? {}
  list = null
  await handle?.close()
}

/** Whether the password is in the list, as it was typed or in the form in which it is hashed (NFKC). Without a list: no. */
export async function isBreached(password: string): Promise<boolean> {
  if (!list) return false
  for (const form of new Set([password, password.normalize('NFKC')])) {
    if (await holds(list, createHash('sha1').update(form).digest('hex').toUpperCase())) return true
  }
  return false
}

/** Looks for the line among those that begin in [low, high), halved each time: some 36 small reads in a list of a billion. */
async function holds(file: SortedFile, hash: string): Promise<boolean> {
  let [low, high] = [0, file.size]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const line = await lineFrom(file, middle)
    if (line?.hash === hash) return true
    if (line && line.start < high && line.hash < hash) low = line.next
    else high = middle
  }
  return false
}

/** Gives the first line that begins at this byte or after it; null where there is none. */
async function lineFrom({ handle, size }: SortedFile, at: number): Promise<Line | null> {
  const from = Math.max(0, at - 1)
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(window), 0, window, from)
  const text = buffer.toString('latin1', 0, bytesRead)
  const start = at === 0 ? 0 : text.indexOf('\n') + 1
  if (at > 0 && start === 0) return null
  const end = text.indexOf('\n', start)
  const line = text.slice(start, end < 0 ? undefined : end)
  if (line === '' && from + start >= size) return null
  const [, hash] = lineForm.exec(line) ?? []
  if (hash === undefined) throw new Error(`The list of breached passwords has a line at byte ${from + start} that is none of its kind`)
  return { start: from + start, hash: hash.toUpperCase(), next: from + start + line.length + 1 }
}
