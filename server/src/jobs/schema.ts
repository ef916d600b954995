/** The queue's own tables (pg-boss): made and migrated at deploy by the owner, never by a running process. */
import pg from 'pg'
import { getConstructionPlans, getMigrationPlans, PgBoss } from 'pg-boss'

/** The PostgreSQL schema of the queue. Nothing of ours stands in it. */
export const queueSchema = 'jobs'

/**
 * Makes or migrates the queue's schema and grants `role` what running processes need: rows, no DDL. Run by the owner at every deploy,
 * after the migrations that make the role. Two at once: the second waits and finds nothing to do.
 */
export async function deployQueueSchema(ownerUrl: string, role = 'plinth_app'): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'plinth deploy' })
  await client.connect()
  try {
    await client.query(`SELECT pg_advisory_lock(hashtextextended('plinth.deployQueueSchema', 0))`)
    const plan = await planFor(client)
    if (plan) await client.query(plan)
    if (role) await client.query(grants(client.escapeIdentifier(role)))
  } finally {
    await client.end()
  }
}

/** The plan carries its own BEGIN and COMMIT: all or nothing. */
async function planFor(client: pg.Client): Promise<string | undefined> {
  const boss = new PgBoss({ schema: queueSchema, db: { executeSql: (text, values) => client.query(text, values) } })
  if (!(await boss.isInstalled())) return getConstructionPlans(queueSchema)
  const version = await boss.schemaVersion()
  return version === null || version >= currentVersion() ? undefined : getMigrationPlans(queueSchema, version)
}

/** pg-boss does not export the version its schema has; its construction plan ends in writing it. */
function currentVersion(): number {
  const written = /INSERT INTO \S+\.version\s*\(version\)\s*VALUES\s*\('?(\d+)'?\)/i.exec(getConstructionPlans(queueSchema))?.[1]
  if (written === undefined) throw new Error('The construction plan of pg-boss no longer says which version it makes')
  return Number(written)
}

function grants(role: string): string {
  return `
    GRANT USAGE ON SCHEMA ${queueSchema} TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${queueSchema} TO ${role};
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${queueSchema} TO ${role};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${queueSchema} TO ${role};
    ALTER DEFAULT PRIVILEGES IN SCHEMA ${queueSchema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${role};
    ALTER DEFAULT PRIVILEGES IN SCHEMA ${queueSchema} GRANT USAGE, SELECT ON SEQUENCES TO ${role};`
}
