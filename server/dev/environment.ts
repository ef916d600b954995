/** The environment of the commands: `.env`, the project's own database where no other is named, and secrets kept in `.plinth`. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { openEmbedded } from '../src/db/embedded.ts'
import { SetupError } from '../src/db/setup-error.ts'
import { ConfigError, readConfig, withFiles } from '../src/lib/config.ts'
import type { Config } from '../src/lib/config.ts'

export const root = join(import.meta.dirname, '../..')
const own = join(root, '.plinth')
const placeholder = 'postgresql://localhost/plinth'

/** The database that the commands work on. */
export interface Database {
  /** As the role that owns the schemas, over a direct connection. */
  readonly ownerUrl: string
  /** Whether it is the project's own, which may be reset without a second thought. */
  readonly embedded: boolean
  readonly notice: string | null
  close(): Promise<void>
}

/** Reads `.env`, where there is one; what is set already prevails. Variables that name files (`<NAME>_FILE`) are read. */
export function loadEnvironment(): void {
  const file = join(root, '.env')
  if (existsSync(file)) process.loadEnvFile(file)
  for (const [name, value] of Object.entries(withFiles(process.env))) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
}

/** Checks every variable before anything is started. What the commands provide by themselves need not be set. */
export function checkEnvironment(): Config {
  return readConfig({ DATABASE_URL: placeholder, PLINTH_SECRET: 'x'.repeat(32), NODE_ENV: 'development', ...unlessEmpty(process.env) })
}

/** Opens the database that DATABASE_URL names, or the project's own embedded one, and sets the variables accordingly for the processes that follow. */
export async function openDatabase(purpose: 'dev' | 'command'): Promise<Database> {
  const config = checkEnvironment()
  if (process.env.DATABASE_URL) return openGiven(config)
  if (config.NODE_ENV === 'production') throw new SetupError('DATABASE_URL is not set: in production the database is named.')
  const { url, notice, close } = await openEmbedded({ folder: join(own, 'postgres'), database: 'plinth', purpose })
  process.env.DATABASE_URL = url
  return { ownerUrl: url, embedded: true, notice, close }
}

/** Gives the server what it needs in development: a secret that stays, and a folder for mail. */
export function developmentVariables(): Record<string, string> {
  return {
    NODE_ENV: 'development',
    // The outbox shows every token, and the demonstration's password is known: neither is for the network.
    HOST: '127.0.0.1',
    PLINTH_SECRET: keptSecret(),
    MAIL_URL: pathToFileURL(join(own, 'mail')).href,
    DRAIN_MS: '1000',
    ...unlessEmpty(process.env),
  }
}

/** Whether a database holds nothing that anybody would miss: the project's own, or one on this machine. */
export function isDisposable({ ownerUrl, embedded }: Pick<Database, 'ownerUrl' | 'embedded'>): boolean {
  return embedded || ['localhost', '127.0.0.1', '[::1]'].includes(new URL(ownerUrl).hostname)
}

/** Runs a command to its end: one clear sentence and exit code 1 for what a person can mend, a stack for what is our fault. */
export async function command(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const plain = error instanceof SetupError || error instanceof ConfigError
    console.error(plain ? error.message : error)
    process.exitCode = 1
  }
}

async function openGiven(config: Config): Promise<Database> {
  const variable = config.OWNER_URL ? 'OWNER_URL' : config.DIRECT_URL ? 'DIRECT_URL' : 'DATABASE_URL'
  const ownerUrl = config[variable] ?? config.DATABASE_URL
  await tryToConnect(variable, ownerUrl)
  return { ownerUrl, embedded: false, notice: null, close: async () => undefined }
}

async function tryToConnect(variable: string, url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (error) {
    throw new SetupError(`${variable}: ${faultOfConnection(url, error as Error & { code?: string })}.`)
  } finally {
    await client.end().catch(() => undefined)
  }
}

function faultOfConnection(url: string, error: Error & { code?: string }): string {
  const { host, hostname, username, pathname } = new URL(url)
  if (error.code === 'ECONNREFUSED') return `no database answers at ${host}`
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') return `there is no host ${hostname}`
  if (error.code === '3D000') return `there is no database ${pathname.slice(1)} at ${host}`
  if (error.code === '28P01' || error.code === '28000')
    return `the database at ${host} refuses the user ${username || 'that is named'} or the password`
  if (error.message.includes('timeout')) return `the database at ${host} does not answer within 10 seconds`
  return `the database at ${host} says: ${error.message}`
}

function keptSecret(): string {
  const file = join(own, 'secret')
  mkdirSync(own, { recursive: true })
  try {
    writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(file, 'utf8')
}

function unlessEmpty(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  )
}
