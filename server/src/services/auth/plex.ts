/**
 * Plex: sign-in by a PIN, which is no OAuth: there is no state and no PKCE, and whoever has the PIN's id and code gets the token of whoever confirmed
 * it. So the server holds both, asks itself, and the one that began is known by a secret of ours (identity research 2.5).
 */
import { z } from 'zod'
import type { Config } from '#lib/config.ts'
import { createCircuit, type Circuit } from '#lib/circuit.ts'
import { AppError } from '#lib/errors.ts'
import { asking, callProvider } from './provider-call.ts'
import { identityOf, type Identity } from './provider.ts'

/** A PIN that waits at Plex. */
export interface Pin {
  readonly id: string
  readonly code: string
}

export interface Plex {
  /** Asks for a PIN. @throws UNAVAILABLE */
  createPin(): Promise<Pin>
  /** The page that asks the person to confirm a PIN, and then leads on. */
  signInPage(pin: Pin, returnTo: string): string
  /** Gives who confirmed the PIN, with their token; null while nobody has. @throws UNAVAILABLE; INVALID_TOKEN when Plex knows the PIN no more. */
  identify(pin: Pin): Promise<Identity | null>
}

const NewPin = z.object({ id: z.int().positive(), code: z.string().min(10) })
const AskedPin = z.object({ authToken: z.string().nullish() })
const User = z.object({ id: z.int().positive(), username: z.string().nullish(), title: z.string().nullish(), email: z.string().nullish() })

let plex: Plex | undefined

/** Takes Plex from the configuration. Called once at start. */
export function usePlex({ PLEX_CLIENT_ID: clientId, PLEX_URL, PLEX_SIGN_IN_URL }: Config): void {
  plex = clientId === undefined ? undefined : plexAt({ clientId, url: PLEX_URL, page: PLEX_SIGN_IN_URL }, createCircuit())
}

/** Whether one can sign in by Plex here. */
export const hasPlex = (): boolean => plex !== undefined

/** Gives Plex. @throws NOT_FOUND where it is not configured */
export function thePlex(): Plex {
  if (!plex) throw new AppError('NOT_FOUND', 'There is no such provider.')
  return plex
}

function plexAt({ clientId, url, page }: { clientId: string; url: string; page: string }, circuit: Circuit): Plex {
  const own = { accept: 'application/json', 'x-plex-client-identifier': clientId, 'x-plex-product': 'Plinth' }
  const ask = async (path: string, more: { method?: string; headers?: Record<string, string> } = {}): Promise<unknown> => {
    const response = await callProvider(circuit, `${url}/api/v2${path}`, { ...more, headers: { ...own, ...more.headers } })
    if (response.status !== 200 && response.status !== 201) throw new Error(`Plex answered ${response.status}`)
    return response.json()
  }
  return {
    createPin: () =>
      asking('plex', async () => {
        const { id, code } = NewPin.parse(await ask('/pins?strong=true', { method: 'POST' }))
        return { id: String(id), code }
      }),
    signInPage: ({ code }, forwardUrl) =>
      `${page}#?${new URLSearchParams({ clientID: clientId, code, forwardUrl, 'context[device][product]': 'Plinth' }).toString()}`,
    identify: ({ id, code }) =>
      asking('plex', async () => {
        const { authToken: token } = AskedPin.parse(await ask(`/pins/${id}?${new URLSearchParams({ code }).toString()}`))
        if (!token) return null
        const user = User.parse(await ask('/user', { headers: { 'x-plex-token': token } }))
        // Plex lets people have an address that they never proved.
        const said = { email: user.email, emailVerified: false, name: user.title ?? user.username }
        return identityOf({ subject: String(user.id), ...said, token })
      }),
  }
}
