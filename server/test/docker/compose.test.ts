import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv, type AnySchema } from 'ajv'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { readConfig } from '#lib/config.ts'
import { readRoot } from './dockerfile.ts'

interface Service {
  readonly image: string
  readonly command?: string[]
  readonly environment?: Record<string, string>
  readonly secrets?: string[]
  readonly ports?: string[]
  readonly volumes?: string[]
  readonly read_only?: boolean
  readonly cap_drop?: string[]
  readonly security_opt?: string[]
  readonly init?: boolean
  readonly restart?: string
  readonly stop_grace_period?: string
  readonly depends_on?: Record<string, { condition: string }>
  readonly healthcheck?: object
}

interface Compose {
  readonly services: Record<'postgres' | 'migrate' | 'server' | 'worker', Service>
  readonly secrets: Record<string, { file: string }>
}

const root = join(import.meta.dirname, '../../..')
const text = readRoot('docker-compose.yml')
const compose = parse(text, { merge: true }) as Compose
const ours = ['migrate', 'server', 'worker'] as const

test('docker-compose.yml is what the published schema of the Compose specification allows', () => {
  const { $schema: _, ...schema } = JSON.parse(readRoot('server/test/docker/compose-spec.json')) as Record<string, unknown>
  const allows = new Ajv({ strict: false, validateFormats: false }).compile(schema as AnySchema)
  expect([allows(compose), allows.errors]).toEqual([true, null])
  expect(allows({ services: { server: { image: 'plinth', red_only: true } } })).toBe(false)
})

const docker = spawnSync('docker', ['compose', 'version'], { encoding: 'utf8' })

test.skipIf(docker.status !== 0)('`docker compose config` passes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-compose-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'docker'))
  for (const file of ['docker-compose.yml', 'Dockerfile', 'docker/secrets.sh', 'docker/postgres.sql'])
    cpSync(join(root, file), join(folder, file))
  spawnSync('sh', ['docker/secrets.sh'], { cwd: folder })
  const { status, stderr } = spawnSync('docker', ['compose', 'config', '--quiet'], { cwd: folder, encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
})

test('no secret stands in it: each comes from a file that git and the build do not see, and goes to those alone who need it', () => {
  for (const [name, { file }] of Object.entries(compose.secrets)) expect(file).toBe(`./secrets/${name}`)
  expect(readRoot('.gitignore').split('\n')).toContain('secrets')
  const given = Object.values(compose.services).flatMap(({ environment }) => Object.entries(environment ?? {}))
  const secretOnes = given.filter(([name]) => /PASSWORD|SECRET|_URL/.test(name) && name !== 'PUBLIC_URL')
  expect(secretOnes.length).toBeGreaterThan(6)
  for (const [name, value] of secretOnes)
    expect([name, value]).toEqual([expect.stringMatching(/_FILE$/), expect.stringMatching(/^\/run\/secrets\//)])
  for (const { environment, secrets } of Object.values(compose.services)) {
    const named = Object.values(environment ?? {}).flatMap((value) => /^\/run\/secrets\/(\w+)$/.exec(value)?.[1] ?? [])
    expect(secrets).toEqual(expect.arrayContaining(named))
  }
  for (const name of ['server', 'worker'] as const) expect(compose.services[name].secrets).not.toContain('owner_url')
})

test('every setting that it names is one of the configuration', () => {
  for (const name of ours) {
    const { environment = {} } = compose.services[name]
    const plain = Object.keys(environment).map((variable) => variable.replace(/_FILE$/, ''))
    const known = Object.keys(readConfig({ DATABASE_URL: 'postgresql://a@b/c', PLINTH_SECRET: 'x'.repeat(32) }))
    expect(
      plain.filter((variable) => !known.includes(variable) && !['DATABASE_URL', 'PLINTH_SECRET', 'MAIL_URL'].includes(variable)),
    ).toEqual([])
  }
})

test('our containers write nothing, can do nothing, have what reaps and passes signals, and are given longer to drain than they take', () => {
  const { DRAIN_MS } = readConfig({ DATABASE_URL: 'postgresql://a@b/c', PLINTH_SECRET: 'x'.repeat(32) })
  for (const name of ours) {
    const service = compose.services[name]
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], init: true })
    expect(Number.parseInt(service.stop_grace_period ?? '', 10) * 1000).toBeGreaterThanOrEqual(DRAIN_MS + 5_000)
  }
})

test('server and worker wait for the migrations, and those for the database; nothing listens beyond this machine unless it is asked to', () => {
  const { postgres, migrate, server, worker } = compose.services
  expect(migrate.depends_on).toEqual({ postgres: { condition: 'service_healthy' } })
  for (const service of [server, worker]) {
    expect(service.depends_on).toEqual({ migrate: { condition: 'service_completed_successfully' } })
    expect(service.restart).toBe('unless-stopped')
  }
  expect(migrate.restart).toMatch(/^on-failure/)
  expect(existsSync(join(root, migrate.command?.[1] ?? ''))).toBe(true)
  expect([postgres.ports, server.ports]).toEqual([['127.0.0.1:${POSTGRES_PORT:-5432}:5432'], ['${LISTEN:-127.0.0.1:3000}:3000']])
  expect(postgres).toMatchObject({ image: 'postgres:18', command: expect.arrayContaining(['shared_preload_libraries=pg_stat_statements']) })
  // From 18 on the image keeps its data one folder higher than before: /var/lib/postgresql/data would be lost with the container.
  expect(postgres.volumes?.[0]).toBe('postgres:/var/lib/postgresql')
})
