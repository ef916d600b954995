/** One attempt of one call over HTTP, and what it tells: acknowledged, refused, or nobody knows. */

export interface Outcome {
  readonly type: 'ok' | 'fail' | 'unknown'
  readonly code?: string
  readonly result?: unknown
  readonly abandoned?: true
}

export interface Attempting {
  readonly url: string
  readonly procedure: string
  readonly input: unknown
  readonly key: string
  readonly requestId: string
  readonly headers: Record<string, string>
  /** The client goes away after this long, whether or not an answer has come. */
  readonly abandonAfterMs: number | null
}

/** Longer than every limit of the server: an attempt that takes this long is lost. */
const patienceMs = 45_000

/** Codes that are no definite no: what was asked may have happened. */
const indefinite = new Set(['INTERNAL', 'UNKNOWN_OUTCOME', 'CLIENT_CLOSED'])

/** Sends an attempt, once. */
export async function attempt({ url, procedure, input, key, requestId, headers, abandonAfterMs }: Attempting): Promise<Outcome> {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), abandonAfterMs ?? patienceMs)
  try {
    const response = await fetch(`${url}/trpc/${procedure}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key, 'x-request-id': requestId, ...headers },
      body: JSON.stringify({ json: input }),
      signal: abort.signal,
    })
    return read(await response.json())
  } catch (error) {
    if (abort.signal.aborted) return { type: 'unknown', code: abandonAfterMs === null ? 'NO ANSWER' : 'ABANDONED', abandoned: true }
    return lost(error)
  } finally {
    clearTimeout(timer)
  }
}

interface Answer {
  readonly result?: { readonly data?: unknown }
  readonly error?: { readonly json?: { readonly data?: { readonly code?: string; readonly details?: { readonly reason?: string } } } }
}

/** Tells what one answer of the server means. */
export function read(answer: unknown): Outcome {
  const { result, error } = answer as Answer
  if (result) return { type: 'ok', result: result.data }
  const { code, details } = error?.json?.data ?? {}
  if (code === undefined || indefinite.has(code)) return { type: 'unknown', code: code ?? 'NOT OUR ERROR' }
  return { type: 'fail', code: details?.reason ? `${code} ${details.reason}` : code }
}

/** Tells what a failed request means. Where nobody listened, nothing was sent: a definite no. */
export function lost(error: unknown): Outcome {
  const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).name
  return { type: cause === 'ECONNREFUSED' ? 'fail' : 'unknown', code: cause }
}
