/** A small plex.tv on a real socket: PINs that a person confirms, and who the token of one belongs to. */
import { randomBytes } from 'node:crypto'
import { listening, type Asked, type Listening, type Said } from './listening.ts'

export interface PlexUser {
  readonly id: number
  readonly username: string
  readonly title: string
  readonly email: string | null
}

export interface PlexTv extends Listening {
  /** The person at this page confirms the PIN that its address names. Gives the token of their account. */
  confirm(page: string, user: PlexUser): string
  /** The next so many questions about a PIN are answered when the last of them has come. */
  answerTogether(count: number): void
  /** How many PINs it has made: their numbers follow one another from 1000. */
  pins(): number
  /** Every token that was handed out. */
  readonly tokens: ReadonlyMap<string, PlexUser>
}

interface Pin {
  readonly id: number
  readonly code: string
  readonly client: string
  token: string | null
}

/** Starts one. Ids of PINs follow one another, as there. */
export async function startPlexTv(): Promise<PlexTv> {
  const [pins, tokens] = [new Map<number, Pin>(), new Map<string, PlexUser>()]
  let others = async (): Promise<void> => undefined
  const answerTogether = (count: number) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let missing = count
    others = async () => {
      missing -= 1
      if (missing === 0) resolve()
      await promise
    }
  }
  const server = await listening(async (asked) => {
    const client = asked.headers['x-plex-client-identifier']
    if (typeof client !== 'string') return { status: 400, json: { errors: [{ message: 'X-Plex-Client-Identifier is missing' }] } }
    if (asked.method === 'POST' && asked.url.pathname === '/api/v2/pins') return create(pins, client, asked)
    if (asked.url.pathname.startsWith('/api/v2/pins/')) return others().then(() => tell(pins, client, asked))
    if (asked.url.pathname === '/api/v2/user') return user(tokens, asked)
    return undefined
  })
  const confirm = (page: string, person: PlexUser) => {
    const code = new URLSearchParams(new URL(page).hash.slice(2)).get('code')
    const pin = [...pins.values()].find((each) => each.code === code)
    if (!pin) throw new Error('There is no such PIN')
    pin.token = randomBytes(10).toString('hex')
    tokens.set(pin.token, person)
    return pin.token
  }
  return Object.assign(server, { confirm, answerTogether, pins: () => pins.size, tokens })
}

function create(pins: Map<number, Pin>, client: string, { url }: Asked): Said {
  const id = 1_000 + pins.size
  const code = url.searchParams.get('strong') === 'true' ? randomBytes(13).toString('hex').slice(0, 25) : 'ABCD'
  pins.set(id, { id, code, client, token: null })
  return { status: 201, json: { id, code, product: 'Plinth', clientIdentifier: client, expiresIn: 1_800, authToken: null } }
}

function tell(pins: Map<number, Pin>, client: string, { url }: Asked): Said {
  const pin = pins.get(Number(url.pathname.split('/').at(-1)))
  const isTheirs = pin?.client === client && url.searchParams.get('code') === pin.code
  if (!pin || !isTheirs) return { status: 404, json: { errors: [{ code: 1020, message: 'Code not found or expired' }] } }
  return { json: { id: pin.id, code: pin.code, clientIdentifier: client, authToken: pin.token } }
}

function user(tokens: ReadonlyMap<string, PlexUser>, { headers }: Asked): Said {
  const found = tokens.get(String(headers['x-plex-token']))
  return found ? { json: { ...found, uuid: `uuid-${found.id}`, authToken: headers['x-plex-token'] } } : { status: 401, json: {} }
}
