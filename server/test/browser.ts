/** A browser, as far as the server can tell: keeps the cookie, says where a call comes from, and shows the answer as it came over the wire. */
import { decode, encode } from '@plinth/client/transformer'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The body as it came. */
  readonly text: string
  /** The result of a call that succeeded. */
  readonly data: unknown
  /** What a refused call was told. */
  readonly error: { readonly message: string; readonly data: { readonly code: string; readonly details?: unknown } } | undefined
  /** Every Set-Cookie. */
  readonly setCookies: readonly string[]
}

export interface Browser {
  /** The cookies that it sends, by name. */
  readonly cookies: Map<string, string>
  /** Calls a mutation. `headers` replace those that it sends by itself. */
  mutate(procedure: string, input?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** Calls a query. */
  query(procedure: string, input?: unknown, headers?: Record<string, string>): Promise<Answer>
}

/** Opens one, with no cookie yet. `url` is where the server listens; `always` goes along with each call, which `fetch` makes. */
export function openBrowser(url: string, always: Record<string, string> = {}, fetch = globalThis.fetch): Browser {
  const cookies = new Map<string, string>()
  const send = async (path: string, init: RequestInit, headers: Record<string, string>): Promise<Answer> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const own = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/json', ...(cookie && { cookie }) }
    const answer = await answerOf(await fetch(`${url}/trpc/${path}`, { ...init, headers: { ...own, ...always, ...headers } }))
    for (const line of answer.setCookies) keep(cookies, line)
    return answer
  }
  return {
    cookies,
    mutate: (procedure, input, headers = {}) => send(procedure, { method: 'POST', body: JSON.stringify(encode(input)) }, headers),
    query: (procedure, input, headers = {}) =>
      send(`${procedure}?input=${encodeURIComponent(JSON.stringify(encode(input)))}`, { method: 'GET' }, headers),
  }
}

/** Reads what a call came to that was made in some other way. */
export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const body = JSON.parse(text) as { result?: { data: never }; error?: never }
  return {
    status: response.status,
    headers: response.headers,
    text,
    data: body.result && decode(body.result.data),
    error: body.error && (decode(body.error) as Answer['error']),
    setCookies: response.headers.getSetCookie(),
  }
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = ''] = line.split(';')
  const [name = '', value = ''] = pair.split('=')
  if (value === '' || /max-age=0/i.test(line)) cookies.delete(name)
  else cookies.set(name, value)
}

/** Gives what a refused call was told, but for what differs from call to call. */
export function toldBy({ status, error }: Answer): unknown {
  const told = Object.entries(error?.data ?? {}).filter(([key]) => key !== 'requestId' && key !== 'path')
  return { status, message: error?.message, data: Object.fromEntries(told) }
}
