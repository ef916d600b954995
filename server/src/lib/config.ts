/**
 * The configuration: every environment variable, what it means and its default. Nothing else reads process.env.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { OidcProviders } from './oidc-settings.ts'
import { derivedId, sealingIds } from './sealed.ts'

const Port = z.coerce.number().int().min(0).max(65_535)
const Count = z.coerce.number().int().min(1)
const Milliseconds = z.coerce.number().int().min(0)
const Switch = z.enum(['on', 'off']).transform((value) => value === 'on')
const HttpUrl = z.url({ protocol: /^https?$/, error: 'is not an http or https URL' })
const DatabaseUrl = z.url({ protocol: /^postgres(ql)?$/, error: 'is not a PostgreSQL URL like postgresql://user:password@host:5432/name' })

export const Config = z.object({
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('production')
    .describe('development adds the mail outbox page and readable logs'),
  PLINTH_ROLE: z
    .enum(['web', 'worker', 'all'])
    .default('all')
    .describe('web answers requests, worker runs the dispatcher and the jobs, all does both'),
  PLINTH_PROCESSES: Count.max(64)
    .default(1)
    .describe('processes on this machine, one for each core at most; the dispatcher and the jobs of `all` run in one of them'),
  HOST: z.string().default('0.0.0.0').describe('the address to listen on'),
  PORT: Port.default(3000).describe('the port to listen on; 0 takes a free one'),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'is not an http or https URL' })
    .default('http://localhost:3000')
    .describe('where browsers reach this server: used in mails, cookies and the origin check'),
  ALLOWED_ORIGINS: z.string().default('').transform(list).describe('other origins, comma-separated, whose pages may call with cookies'),
  TRUSTED_PROXIES: z.coerce
    .number()
    .int()
    .min(0)
    .max(10)
    .default(0)
    .describe('how many reverse proxies stand in front: that many entries of X-Forwarded-For are believed, from the right'),
  DATABASE_URL: DatabaseUrl.describe('the database'),
  DIRECT_URL: DatabaseUrl.optional().describe('the same database without a pooler, for LISTEN and locks; DATABASE_URL where absent'),
  OWNER_URL: DatabaseUrl.optional().describe('the database as the role that owns the schemas, for migrations; DIRECT_URL where absent'),
  DATABASE_ROLE: z
    .string()
    .regex(/^[a-z_][a-z0-9_]*$|^$/, 'is not the name of a role')
    .default('plinth_app')
    .describe('the role that the application takes on each connection; empty where DATABASE_URL already signs in as it'),
  PREPARED_STATEMENTS: Switch.default(true).describe('off for PgBouncer in transaction mode before 1.21'),
  POOL_MAX: Count.optional().describe('connections in the pool: 20 in production, 5 elsewhere'),
  POOL_WAIT_MS: Milliseconds.default(30_000).describe('how long a call waits for a connection'),
  POOL_IDLE_MS: Milliseconds.default(10_000).describe('when an idle connection is closed'),
  STATEMENT_TIMEOUT_MS: Milliseconds.default(15_000).describe('the longest statement'),
  LOCK_TIMEOUT_MS: Milliseconds.default(5_000).describe('the longest wait for a lock'),
  TRANSACTION_TIMEOUT_MS: Milliseconds.default(20_000).describe('the longest transaction'),
  PLINTH_SECRET: z
    .string()
    .min(32, 'needs at least 32 characters; `openssl rand -base64 32` makes one')
    .describe('the secret that all keys are derived from'),
  PLINTH_SEALING_KEYS: z
    .string()
    .regex(/^(\w{1,16}:[^\s,:]{32,}(,\w{1,16}:[^\s,:]{32,})*)?$/, {
      error: 'is not a list like 2:secret,1:secret with secrets of at least 32 characters',
      abort: true,
    })
    .refine(
      (keys) => !sealingIds(keys).includes(derivedId),
      `uses the id ${derivedId}, which is that of the key that PLINTH_SECRET makes: what that sealed would open no more`,
    )
    .refine(
      (keys) => new Set(sealingIds(keys)).size === sealingIds(keys).length,
      'uses an id twice: what one key sealed the other does not open',
    )
    .default('')
    .describe(
      'keys for what is stored encrypted, as id:secret, comma-separated, each id once: the first seals, all open; PLINTH_SECRET makes the one whose id is 0',
    ),
  MAIL_URL: z
    .url({ protocol: /^(smtps?|file)$/, error: 'is not an smtp://, smtps:// or file:// URL' })
    .optional()
    .describe('where mail goes: smtp://user:password@host:587, or a folder as file:///path for development'),
  MAIL_FROM: z.string().default('Plinth <plinth@localhost>').describe('the sender of mails'),
  BREACHED_PASSWORDS_FILE: z
    .string()
    .optional()
    .describe(
      'passwords that nobody may choose: SHA-1 hashes as Have I Been Pwned lists them ordered by hash; without it the built-in list alone',
    ),
  GOOGLE_CLIENT_ID: z.string().optional().describe('sign-in with Google: the OAuth client of this installation'),
  GOOGLE_CLIENT_SECRET: z.string().optional().describe('the secret of that client'),
  GITHUB_CLIENT_ID: z.string().optional().describe('sign-in with GitHub: the OAuth app of this installation'),
  GITHUB_CLIENT_SECRET: z.string().optional().describe('the secret of that app'),
  GITHUB_URL: HttpUrl.default('https://github.com').describe('where GitHub is; another for GitHub Enterprise Server'),
  GITHUB_API_URL: HttpUrl.default('https://api.github.com').describe('where its API is'),
  PLEX_CLIENT_ID: z
    .string()
    .regex(/^[\w-]{8,64}$/, 'is not 8 to 64 letters, digits, _ and -')
    .optional()
    .describe("sign-in with Plex: any name that is this installation's alone, and stays the same for good"),
  PLEX_URL: HttpUrl.default('https://plex.tv').describe('where the API of Plex is'),
  PLEX_SIGN_IN_URL: HttpUrl.default('https://app.plex.tv/auth').describe('the page of Plex that asks a person to sign in'),
  OIDC_PROVIDERS: OidcProviders.default([]).describe(
    'sign-in with other OpenID providers, as JSON: [{"id":"company","name":"Company","issuer":"https://id.example.com","clientId":"...","clientSecret":"..."}]',
  ),
  OUTBOUND_TIMEOUT_MS: Milliseconds.default(5_000).describe('the longest that a server elsewhere, like a provider, may take for an answer'),
  PRIVATE_HOSTS: z
    .string()
    .default('')
    .transform(list)
    .describe(
      'hosts of your own network, comma-separated, name or name:port, that may be called although private, and by http: a provider at home',
    ),
  SIGN_IN_LIMIT: Switch.default(true).describe('off lifts the throttles of sign-in and mail: for load tests alone'),
  CALLS_PER_MINUTE: Count.default(100).describe('calls a minute of one signed-in person; a batch of ten counts ten'),
  ANONYMOUS_CALLS_PER_MINUTE: Count.default(10).describe('calls a minute of one address that is not signed in'),
  API_DOCS: Switch.optional().describe(
    'on gives /docs, /openapi.json and /llms.txt, off does not; where absent, on everywhere but in production',
  ),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info').describe('how much is logged'),
  SLOW_QUERY_MS: Milliseconds.default(500).describe('statements that take longer are logged, without their values; 0 logs none'),
  METRICS_TOKEN: z
    .string()
    .min(16, 'needs at least 16 characters; `openssl rand -base64 24` makes one')
    .optional()
    .describe('who sends it as `Authorization: Bearer` may read /metrics; where it is not set there is no such page'),
  HEALTH_PORT: Port.optional().describe('where a worker answers /livez, /readyz and /metrics; nowhere where it is not set'),
  DRAIN_MS: Milliseconds.default(10_000).describe('how long accepted requests may go on after SIGTERM'),
})

export type Config = z.infer<typeof Config>

/** Reads the configuration. Throws a ConfigError whose message names each bad variable and its fault, never its value. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const set = Object.fromEntries(Object.entries(withFiles(environment)).filter(([, value]) => value !== undefined && value !== ''))
  const result = Config.safeParse(set, { error: words })
  if (result.success) return result.data
  throw new ConfigError(result.error.issues.map((issue) => sentence(issue, set)).join('\n'))
}

/**
 * Gives the environment with each `<NAME>_FILE` replaced by `<NAME>`: the content of the file it names, without the line break at its end. So a secret
 * comes from a mounted file and stands in no environment. Every variable of the configuration may come so; others are left as they are. An empty file
 * counts as an empty variable does: not at all. Throws a ConfigError for a file that cannot be read, and where both are set: one would silently not count.
 */
export function withFiles(environment: Record<string, string | undefined>): Record<string, string | undefined> {
  const given = Object.keys(Config.shape).filter((name) => environment[`${name}_FILE`])
  const faults = given.map((name) => faultOfFile(name, environment)).filter((fault) => fault !== null)
  if (faults.length > 0) throw new ConfigError(faults.join('\n'))
  const replaced = given.flatMap((name) => [[name, contentOf(environment[`${name}_FILE`])] as const, [`${name}_FILE`, undefined] as const])
  return { ...environment, ...Object.fromEntries(replaced) }
}

function faultOfFile(name: string, environment: Record<string, string | undefined>): string | null {
  if (environment[name]) return `${name} and ${name}_FILE are both set: leave one out.`
  try {
    contentOf(environment[`${name}_FILE`])
    return null
  } catch (error) {
    return `${name}_FILE names a file that cannot be read (${(error as NodeJS.ErrnoException).code ?? 'no reason given'}).`
  }
}

function contentOf(file = ''): string {
  return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
}

/** The configuration is wrong: the message is for the person who starts the server. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

function sentence(issue: z.core.$ZodIssue, set: Record<string, string | undefined>): string {
  const variable = issue.path.join('.')
  if (variable in set) return `${variable} ${issue.message}.`
  return `${variable} is not set: ${Config.shape[variable as keyof typeof Config.shape].description}.`
}

/** What zod says, as the rest of a sentence that begins with the variable. */
function words(issue: z.core.$ZodRawIssue): string {
  if (issue.code === 'too_small') return `is less than ${issue.minimum}`
  if (issue.code === 'too_big') return `is more than ${issue.maximum}`
  if (issue.code === 'invalid_value') return `is none of ${issue.values.join(', ')}`
  return issue.code === 'invalid_type' ? 'is not a whole number' : 'is not of the form that is needed'
}

function list(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)
}
