/** A copy of the server's sources: one to change, or one that nobody changes while a long campaign starts processes from it. */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { ownSources } from './system.ts'

export interface Copy {
  /** Its server folder. */
  readonly sources: string
  remove(): void
}

/** Copies server/ as it is now into a temporary folder; what it stands on is linked. */
export function copyServer(): Copy {
  const root = mkdtempSync(join(tmpdir(), 'plinth-copy-'))
  const sources = join(root, 'server')
  cpSync(join(ownSources, '../prisma'), join(root, 'prisma'), { recursive: true })
  cpSync(ownSources, sources, { recursive: true, filter: (path) => basename(path) !== 'node_modules' })
  for (const shared of ['node_modules', 'server/node_modules', 'client', 'package.json']) {
    symlinkSync(join(ownSources, '..', shared), join(root, shared))
  }
  return { sources, remove: () => rmSync(root, { recursive: true, force: true }) }
}
