/** Brings a database to what this code expects: the migrations, then the tables of the queue. */
import { deployMigrations } from '#db/migrations/deploy.ts'
import type { DeployOptions } from '#db/migrations/deploy.ts'
import { migrationsFolder } from '#db/migrations/files.ts'
import { deployQueueSchema } from './jobs/schema.ts'

/** Deploys as the role that owns the schemas, over a direct connection. Safe to run at every start and by several at once. Returns the migrations it applied. */
export async function deploy(ownerUrl: string, options: Pick<DeployOptions, 'report'> = {}): Promise<string[]> {
  const applied = await deployMigrations({ ...options, url: ownerUrl, folder: migrationsFolder })
  await deployQueueSchema(ownerUrl)
  return applied
}
