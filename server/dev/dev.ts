/** `pnpm dev`: the whole system on this machine, up to date, with a demonstration in it, restarted on every change. */
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { demo } from '../../prisma/demo.ts'
import { deploy } from '../src/deploy.ts'
import { migrationsFolder, readMigrations } from '../src/db/migrations/files.ts'
import { SetupError } from '../src/db/setup-error.ts'
import { readConfig } from '../src/lib/config.ts'
import type { Config } from '../src/lib/config.ts'
import { command, developmentVariables, isDisposable, loadEnvironment, openDatabase, root } from './environment.ts'
import type { Database } from './environment.ts'
import { generate } from './generate.ts'
import { serverProcess } from './server-process.ts'
import type { ServerProcess } from './server-process.ts'
import { watchFolders } from './watch.ts'

const watched = ['server/src', 'client/src', 'prisma/schema', 'prisma/migrations']
const say = (line: string): void => console.log(line)

async function dev(): Promise<void> {
  loadEnvironment()
  generate()
  const database = await openDatabase('dev')
  try {
    const config = readConfig(developmentVariables())
    await refuseTakenPort(config)
    if (database.notice) say(database.notice)
    await deploy(database.ownerUrl, { report: say })
    await seedWhenEmpty(database)
    await serveUntilToldToStop(database, config)
  } finally {
    await database.close()
  }
}

async function serveUntilToldToStop(database: Database, config: Config): Promise<void> {
  const url = `http://localhost:${config.PORT}`
  const server = serverProcess(developmentVariables(), url, (code) =>
    say(`The server ended (${code ?? 'killed'}): it starts again when a file changes.`),
  )
  const toldToStop = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => toldToStop.resolve())
  const changes = queue((paths) => take(paths, database, server))
  const endWatch = watchFolders(watched, changes.add)
  try {
    if (await server.restart()) welcome(url, isDisposable(database))
    await toldToStop.promise
  } finally {
    endWatch()
    await server.stop()
    await changes.settled()
    await server.stop()
  }
}

/** What a change asks for. A fault in it is told, and the next change may mend it. */
async function take(paths: readonly string[], database: Database, server: ServerProcess): Promise<void> {
  try {
    const schema = paths.some((path) => path.startsWith('prisma/schema/'))
    if (schema) generate()
    if (paths.some((path) => path.startsWith('prisma/migrations/'))) await deploy(database.ownerUrl, { report: say })
    if (schema) await sayWhetherMigrationsLag(database)
    if (await server.restart()) say(`restarted after a change of ${paths[0]}${paths.length > 1 ? ` and ${paths.length - 1} more` : ''}`)
  } catch (error) {
    say((error as Error).message)
  }
}

async function sayWhetherMigrationsLag(database: Database): Promise<void> {
  const { changeSince, readSchema } = await import('./schema-engine.ts')
  const change = await changeSince(database.ownerUrl, readSchema(root), readMigrations(migrationsFolder))
  if (change !== null) say('The schema is ahead of the migrations: pnpm db:new <name> writes the one that is missing.')
}

/** One change after the other, and what comes meanwhile together. */
function queue(work: (paths: readonly string[]) => Promise<void>): { add(paths: readonly string[]): void; settled(): Promise<void> } {
  let waiting: string[] = []
  let running: Promise<void> | null = null
  const run = async (): Promise<void> => {
    while (waiting.length > 0) await work(waiting.splice(0))
    running = null
  }
  return {
    add(paths) {
      waiting.push(...paths)
      running ??= run()
    },
    async settled() {
      waiting = []
      await running
    },
  }
}

async function refuseTakenPort({ HOST, PORT }: Config): Promise<void> {
  if (PORT === 0) return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const probe = createServer()
  probe.on('error', (error: NodeJS.ErrnoException) =>
    reject(error.code === 'EADDRINUSE' ? new SetupError(`PORT ${PORT} is in use: stop what listens there, or choose another.`) : error),
  )
  probe.listen(PORT, HOST, () => probe.close(() => resolve()))
  return promise
}

async function seedWhenEmpty(database: Database): Promise<void> {
  if (!isDisposable(database)) return say('The database is not on this machine: it gets no demonstration.')
  const { ownerUrl } = database
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  const { rowCount } = await client.query('SELECT FROM auth.users LIMIT 1').finally(() => client.end())
  if (rowCount !== 0) return
  const { status } = spawnSync(process.execPath, [join(root, 'prisma/seed.ts')], {
    cwd: root,
    stdio: 'inherit',
    env: developmentVariables(),
  })
  if (status !== 0) throw new SetupError('prisma/seed.ts failed. Once its cause is mended, pnpm db:reset begins with an empty database.')
}

function welcome(url: string, withDemo: boolean): void {
  const input = JSON.stringify({ json: { email: demo.owner, password: demo.password, delivery: 'TOKEN' } })
  const demonstration = `
  Demo         ${demo.owner} and ${demo.member}, password "${demo.password}"
  Try          curl ${url}/trpc/auth.signIn -H 'content-type: application/json' -d '${input}'`
  say(`
  Plinth       ${url}
  Mails        ${url}/dev/mail${withDemo ? demonstration : ''}

  Ctrl-C stops everything.
`)
}

await command(dev)
