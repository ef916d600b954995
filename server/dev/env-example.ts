/** Writes .env.example from the configuration itself: `node server/dev/env-example.ts`. A test fails while it is stale. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { z } from 'zod'
import { Config } from '../src/lib/config.ts'

const inDevelopment: Readonly<Record<string, string>> = {
  NODE_ENV: 'development in `pnpm dev`',
  DATABASE_URL: 'embedded in `pnpm dev`',
  PLINTH_SECRET: 'kept in .plinth/secret by `pnpm dev`',
  MAIL_URL: 'the folder .plinth/mail in `pnpm dev`',
}

export const envExampleFile = join(import.meta.dirname, '../../.env.example')

/** Gives the text of .env.example: every variable with what it means and its default, all of them commented out. */
export function envExample(): string {
  const shape: Readonly<Record<string, z.ZodType>> = Config.shape
  const variables = Object.entries(shape).map(([name, schema]) => {
    const note = inDevelopment[name] ? ` (${inDevelopment[name]})` : ''
    return `# ${schema.description ?? ''}${note}\n# ${name}=${textOf(schema.safeParse(undefined).data)}\n`
  })
  return `# Copy to .env and set what differs. \`pnpm dev\` needs none of it.\n# Each may also come from a file: PLINTH_SECRET_FILE=/run/secrets/plinth_secret in place of PLINTH_SECRET.\n\n${variables.join('\n')}`
}

function textOf(preset: unknown): string {
  if (typeof preset === 'boolean') return preset ? 'on' : 'off'
  return typeof preset === 'string' || typeof preset === 'number' ? String(preset) : ''
}

if (import.meta.main) writeFileSync(envExampleFile, envExample())
