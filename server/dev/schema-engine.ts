/**
 * Prisma's schema engine as WebAssembly, for development alone: it says what a change of prisma/schema means in SQL.
 * Prisma's adapter for it has three faults, mended here: its shadow database is the main one when the configuration is a URL,
 * it cuts scripts at every semicolon, and it does not know the type "char" of PostgreSQL's catalogues.
 */
import { randomUUID } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import { ColumnTypeEnum, bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import type { SchemaEngine } from '@prisma/schema-engine-wasm'
import pg from 'pg'
import { noTransaction } from '../src/db/migrations/files.ts'
import type { Migration } from '../src/db/migrations/files.ts'
import { statementsOf } from '../src/db/migrations/statements.ts'

const charOid = 18
const bpcharOid = 1042
const filters = { externalTables: [], externalEnums: [] }

/** A file of prisma/schema. */
export interface SchemaFile {
  readonly path: string
  readonly content: string
}

/** Lists the files of prisma/schema under `root`. */
export function readSchema(root: string): SchemaFile[] {
  const files = globSync('prisma/schema/**/*.prisma', { cwd: root }).toSorted()
  return files.map((path) => ({ path, content: readFileSync(join(root, path), 'utf8') }))
}

/** Gives the SQL that leads from the migrations to the schema, or null where they say the same. `url` names a server where a shadow database may be made for a moment. */
export async function changeSince(url: string, files: SchemaFile[], migrations: readonly Migration[]): Promise<string | null> {
  return withEngine(url, files, async (engine) => {
    const from = { tag: 'migrations' as const, ...listOf(migrations) }
    const { exitCode, stdout } = await engine.diff({
      from,
      to: { tag: 'schemaDatamodel', files: [...files] },
      script: true,
      exitCode: true,
      filters,
    })
    return exitCode === 2 ? stdout : null
  })
}

/** Lists what Prisma itself finds wrong with the history that a database has: edited, failed, missing or unknown migrations. */
export async function faultsOfHistory(url: string, files: SchemaFile[], migrations: readonly Migration[]): Promise<string[]> {
  return withEngine(url, files, async (engine) => {
    const found = await engine.diagnoseMigrationHistory({ migrationsList: listOf(migrations), optInToShadowDatabase: false, filters })
    const history = found.history === null ? [] : [JSON.stringify(found.history)]
    return [...found.editedMigrationNames, ...found.failedMigrationNames, ...history, ...(found.hasMigrationsTable ? [] : ['no table'])]
  })
}

/** The adapter that the engine speaks to PostgreSQL through, mended. */
export function mendedAdapter(url: string): SqlMigrationAwareDriverAdapterFactory {
  const factory = new PrismaPg({ connectionString: url })
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: () => connect(url),
    connectToShadowDb: () => connectToShadow(url),
  }
}

async function connectToShadow(url: string): Promise<SqlDriverAdapter> {
  const name = `plinth_shadow_${randomUUID().replaceAll('-', '')}`
  const shadowUrl = new URL(url)
  shadowUrl.pathname = `/${name}`
  await execute(url, `CREATE DATABASE ${name} TEMPLATE template0`)
  const adapter = await connect(shadowUrl.href)
  const dispose = adapter.dispose.bind(adapter)
  return Object.assign(adapter, {
    dispose: async () => {
      await dispose()
      await execute(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    },
  })
}

async function connect(url: string): Promise<SqlDriverAdapter> {
  const charColumns = new WeakMap<object, Set<number>>()
  const pool = poolThatKnowsChar(url, charColumns)
  const adapter = await new PrismaPg(pool, { disposeExternalPool: true }).connect()
  const queryRaw = adapter.queryRaw.bind(adapter)
  return Object.assign(adapter, {
    queryRaw: async (query: Parameters<typeof queryRaw>[0]) => {
      const result = await queryRaw(query)
      const chars = charColumns.get(result.rows)
      return { ...result, columnTypes: result.columnTypes.map((type, index) => (chars?.has(index) ? ColumnTypeEnum.Character : type)) }
    },
    executeScript: async (script: string) => {
      const parts = script.trimStart().startsWith(noTransaction) ? statementsOf(script) : [script]
      for (const part of parts) await pool.query(part)
    },
  })
}

/** Shows columns of type "char" to the adapter as bpchar, and remembers which they were. */
function poolThatKnowsChar(url: string, charColumns: WeakMap<object, Set<number>>): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  const query = pool.query.bind(pool)
  return Object.assign(pool, {
    query: async (config: pg.QueryArrayConfig | string) => {
      const result: pg.QueryArrayResult | pg.QueryResult = typeof config === 'string' ? await query(config) : await query(config)
      const chars = (result.fields ?? []).flatMap((field, index) => (field.dataTypeID === charOid ? [index] : []))
      for (const index of chars) Object.assign(result.fields[index] ?? {}, { dataTypeID: bpcharOid })
      if (chars.length > 0) charColumns.set(result.rows, new Set(chars))
      return result
    },
  })
}

async function withEngine<T>(url: string, files: SchemaFile[], work: (engine: SchemaEngine) => Promise<T>): Promise<T> {
  const { SchemaEngine } = await loadQuietly()
  const adapter = bindMigrationAwareSqlAdapterFactory(rememberingErrors(mendedAdapter(url)))
  const engine = await SchemaEngine.new({ datamodels: files.map(({ path, content }) => [path, content]) }, () => undefined, adapter)
  try {
    return await work(engine)
  } catch (error) {
    throw lastError ?? error
  } finally {
    lastError = undefined
    engine.free()
  }
}

/** The engine replaces what PostgreSQL said by a number: this keeps the words. */
let lastError: unknown

function rememberingErrors(factory: SqlMigrationAwareDriverAdapterFactory): SqlMigrationAwareDriverAdapterFactory {
  const remember = async (connection: Promise<SqlDriverAdapter>): Promise<SqlDriverAdapter> => {
    const adapter = await connection
    const executeScript = adapter.executeScript.bind(adapter)
    return Object.assign(adapter, {
      executeScript: (script: string) =>
        executeScript(script).catch((error: unknown) => {
          lastError = error
          throw error
        }),
    })
  }
  return { ...factory, connect: () => remember(factory.connect()), connectToShadowDb: () => remember(factory.connectToShadowDb()) }
}

/** Node warns that WebAssembly modules are experimental: true, and nothing that the reader of a command's output can act on. */
async function loadQuietly(): Promise<typeof import('@prisma/schema-engine-wasm')> {
  const emit = process.emitWarning
  process.emitWarning = () => undefined
  try {
    return await import('@prisma/schema-engine-wasm')
  } finally {
    process.emitWarning = emit
  }
}

function listOf(migrations: readonly Migration[]) {
  return {
    baseDir: 'prisma/migrations',
    shadowDbInitScript: '',
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } },
    })),
  }
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
