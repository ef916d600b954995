/** An embedded PostgreSQL for one run of the tests or of a check: nothing of it remains, also of runs that were killed. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openEmbedded, removeEmbedded } from './embedded.ts'
import { isAlive } from './embedded-process.ts'

const folder = join(import.meta.dirname, '../../../.plinth/temporary')

/** Durable against a killed process, not against a power cut: this is what makes it fast. */
const settings = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  autovacuum_naptime: '10s',
  deadlock_timeout: '200ms',
}

/** Starts a PostgreSQL of this process alone, in about a second. `url` is the superuser's; `close` stops it and removes its files. */
export async function openTemporary(): Promise<{ url: string; close: () => Promise<void> }> {
  await removeAbandoned()
  const own = join(folder, String(process.pid))
  const { url } = await openEmbedded({ folder: join(own, 'postgres'), database: 'postgres', purpose: 'command', settings })
  return { url, close: () => remove(own) }
}

async function removeAbandoned(): Promise<void> {
  if (!existsSync(folder)) return
  for (const pid of readdirSync(folder)) {
    if (!isAlive(Number(pid))) await remove(join(folder, pid))
  }
}

async function remove(own: string): Promise<void> {
  await removeEmbedded(join(own, 'postgres'))
  rmSync(own, { recursive: true, force: true })
}
