/** What holds from the first moment of a connection: the server sets it as the connection opens. */

/** The part of a pool's configuration that says where, and with what settings. */
export interface Startup {
  readonly connectionString: string
  readonly options: string
}

/**
 * Gives the startup of a connection with these settings, among them the role. Options in the URL stay where ours do not speak of the same:
 * pg would let them win altogether, and with them go the role and the time limits.
 */
export function startupOf(databaseUrl: string, settings: Readonly<Record<string, string | number>>): Startup {
  const url = new URL(databaseUrl)
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`)
  const options = [url.searchParams.get('options') ?? '', ...ours].join(' ').trim()
  url.searchParams.delete('options')
  return { connectionString: url.href, options }
}
