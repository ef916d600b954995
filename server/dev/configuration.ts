/** Writes docs/configuration.md from the configuration itself: `node server/dev/configuration.ts`. `pnpm check` and a test fail while it is stale. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { Config } from '../src/lib/config.ts'

export const configurationFile = join(import.meta.dirname, '../../docs/configuration.md')

/** What JSON Schema knows of a variable. */
interface Shape {
  readonly description?: string
  readonly default?: unknown
  readonly type?: string
  readonly enum?: readonly string[]
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
}

/** Gives the text of the page: every variable with what it means, what it takes, and what holds where it is not set. */
export function configurationPage(): string {
  const { properties = {}, required = [] } = z.toJSONSchema(Config, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Readonly<Record<string, Shape>>
    required?: readonly string[]
  }
  const rows = Object.entries(properties).map(([name, shape]) =>
    ['', ` \`${name}\` `, ` ${shape.description ?? ''} `, ` ${takes(shape)} `, ` ${unset(name, shape, required)} `, '']
      .map(inCell)
      .join('|'),
  )
  return [
    '# Configuration',
    '',
    'Made by `node server/dev/configuration.ts` from the schema of the configuration (`server/src/lib/config.ts`). Do not edit.',
    '',
    'Every setting is an environment variable. `<NAME>_FILE` names a file that holds the value instead. An empty variable counts as one that is not set.',
    'A wrong value ends the start with one sentence that names the variable. `pnpm dev` needs none of them; [operations.md](operations.md) says how',
    'processes, connections and limits belong together.',
    '',
    '| variable | what it means | takes | where it is not set |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

/** Whether what is committed is what the configuration says. */
export function isConfigurationFresh(): boolean {
  return readFileSync(configurationFile, 'utf8') === configurationPage()
}

function takes({ enum: values, format, pattern, type, minimum, maximum = Infinity, minLength }: Shape): string {
  if (values) return values.map((value) => `\`${value}\``).join(', ')
  if (type === 'integer') return maximum < Number.MAX_SAFE_INTEGER ? `${minimum} to ${maximum}` : `a whole number from ${minimum}`
  if (format === 'uri') return 'a URL'
  if (pattern !== undefined) return `text like \`${pattern}\``
  return minLength === undefined ? 'text' : `text of at least ${minLength} characters`
}

/** A switch tells its default only when it is read. */
function unset(name: string, shape: Shape, required: readonly string[]): string {
  if (required.includes(name)) return 'it must be set'
  const schemas: Readonly<Record<string, z.ZodType>> = Config.shape
  const preset = shape.default ?? schemas[name]?.safeParse(undefined).data
  if (typeof preset === 'boolean') return preset ? '`on`' : '`off`'
  return typeof preset === 'number' || (typeof preset === 'string' && preset !== '') ? `\`${preset}\`` : 'none'
}

function inCell(text: string): string {
  return text.replaceAll('|', '\\|')
}

if (import.meta.main) writeFileSync(configurationFile, configurationPage())
