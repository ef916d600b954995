/** `pnpm new:service <name> [noun]`: writes a small whole service, which passes `pnpm check` as it is. docs/new-service.md goes on from there. */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openTemporary } from '../src/db/embedded-temporary.ts'
import { migrationsFolder, readMigrations } from '../src/db/migrations/files.ts'
import { SetupError } from '../src/db/setup-error.ts'
import { command, root } from './environment.ts'
import { generate } from './generate.ts'
import { writeMigration } from './migration-file.ts'
import { readNames, withNames, type Names } from './new-service/names.ts'
import { register } from './new-service/register.ts'
import { changeSince, readSchema } from './schema-engine.ts'
import { scriptOf } from './tool.ts'

const template = join(import.meta.dirname, 'new-service/template')

/** The modules that name every service. */
const named = ['server/src/router.ts', 'server/src/jobs/jobs.ts', 'server/src/personal-data.ts']

/** Where each file of the template goes. */
const folders = { '.prisma': 'prisma/schema/SERVICE', '.ts': 'server/src/services/SERVICE' } as const

function refuseIfTaken({ service, noun }: Names): void {
  const models = globSync('prisma/schema/*/*.prisma', { cwd: root }).map((path) => readFileSync(join(root, path), 'utf8'))
  if (existsSync(join(root, 'server/src/services', service)) || existsSync(join(root, 'prisma/schema', service)))
    throw new SetupError(`There is a service ${service} already.`)
  if (models.some((text) => new RegExp(`^(?:model|enum) ${withNames('Noun', { service, noun, nouns: noun })} `, 'm').test(text)))
    throw new SetupError(`There is a model for ${noun} already: say what the service keeps by another word.`)
}

function writeFiles(names: Names): string[] {
  return globSync('*.txt', { cwd: template })
    .toSorted()
    .map((source) => {
      const folder = source.endsWith('.prisma.txt') ? folders['.prisma'] : folders['.ts']
      const path = withNames(`${folder}/${source.slice(0, -'.txt'.length)}`, names)
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), withNames(readFileSync(join(template, source), 'utf8'), names), { flag: 'wx' })
      return path
    })
}

/** The migration that makes the tables, found with a database of this moment alone. */
async function migrate({ service }: Names): Promise<string> {
  const server = await openTemporary()
  try {
    const sql = await changeSince(server.url, readSchema(root), readMigrations(migrationsFolder))
    if (sql === null) throw new Error('The new tables change nothing')
    return writeMigration(`${service}_begins`, sql)
  } finally {
    await server.close()
  }
}

function run(args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${args.join(' ')} failed:\n${stderr}`)
}

await command(async () => {
  const names = readNames(process.argv.slice(2))
  refuseIfTaken(names)
  const written = writeFiles(names)
  register(root, names)
  written.push(await migrate(names))
  generate()
  run([scriptOf(root, 'oxfmt'), ...written.filter((path) => path.endsWith('.ts')), ...named])
  for (const script of ['server/dev/contract.ts', 'server/dev/access.ts']) run([script])
  for (const path of written) console.log(path)
  console.log(`named in prisma/schema/base.prisma, ${named.join(', ')}; client/contract.json and docs/access.md are made anew`)
  console.log(`Next: pnpm check; pnpm test server/src/services/${names.service}; then make it your own with docs/new-service.md.`)
})
