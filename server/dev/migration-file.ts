/** A migration as it is written: what the schema engine says, and what it does not know of. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './environment.ts'

/** Writes the file of a migration, with the rights and the guards that its tables need, and gives its path. */
export function writeMigration(name: string, sql: string): string {
  const folder = join('prisma/migrations', `${new Date().toISOString().replace(/\D/g, '').slice(0, 14)}_${name}`)
  mkdirSync(join(root, folder))
  writeFileSync(join(root, folder, 'migration.sql'), withGuards(withRights(sql)))
  return `${folder}/migration.sql`
}

/** A new schema is usable by the application from its first table on. */
function withRights(sql: string): string {
  return sql.replaceAll(
    /CREATE SCHEMA IF NOT EXISTS "(\w+)";/g,
    (statement, schema: string) => `${statement}
GRANT USAGE ON SCHEMA "${schema}" TO plinth_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA "${schema}" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO plinth_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA "${schema}" GRANT USAGE, SELECT ON SEQUENCES TO plinth_app;`,
  )
}

/** Foreign keys between tables with soft delete get their triggers, whatever changed. */
function withGuards(sql: string): string {
  return /^(CREATE|ALTER|DROP) TABLE/m.test(sql)
    ? `${sql.trimEnd()}\n\n-- Soft delete: guards for the foreign keys of these tables.\nSELECT core.guard_soft_deletes();\n`
    : sql
}
