/** Who asks passkeys here: the name that they are bound to for good, and the pages that may use them. */
import type { Config } from '#lib/config.ts'

export interface Party {
  /** The host of PUBLIC_URL. Passkeys are bound to it: under another host none of them works. */
  readonly id: string
  /** What people read in the dialog of their browser. */
  readonly name: string
  readonly origins: string[]
}

let own: Party | undefined

/**
 * Takes the party from the configuration. A page of ALLOWED_ORIGINS may use passkeys where its host is that of PUBLIC_URL or lies under it; of any
 * other the browser refuses to. Called once at start.
 */
export function usePasskeys({ PUBLIC_URL, ALLOWED_ORIGINS }: Pick<Config, 'PUBLIC_URL' | 'ALLOWED_ORIGINS'>): void {
  const { hostname, host, origin } = new URL(PUBLIC_URL)
  own = { id: hostname, name: host, origins: [origin, ...ALLOWED_ORIGINS] }
}

/** Gives the party. Throws before `usePasskeys`. */
export function party(): Party {
  if (own === undefined) throw new Error('usePasskeys() has not been called')
  return own
}
