/** `node server/src/migrate.ts`: brings the database to what this code expects, with production's dependencies alone, and ends. */
import { SetupError } from '#db/setup-error.ts'
import { ConfigError, readConfig } from '#lib/config.ts'
import { deploy } from './deploy.ts'

try {
  // Whoever migrates needs the database and no other secret.
  const config = readConfig({ ...process.env, PLINTH_SECRET_FILE: undefined, PLINTH_SECRET: 'is not needed by those who migrate' })
  const applied = await deploy(config.OWNER_URL ?? config.DIRECT_URL ?? config.DATABASE_URL, { report: say })
  say(applied.length === 0 ? 'up to date' : `${applied.length} applied`)
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof SetupError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
