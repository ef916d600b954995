/** What a request to /trpc may look like, decided before any of it is read. */
import type { MiddlewareHandler } from 'hono'
import { AppError } from '#lib/errors.ts'
import { refused } from './refusal.ts'
import type { Environment } from './request.ts'

/** 64 kB. */
export const MAX_BODY_BYTES = 64 * 1024

/** Takes GET and POST, and of POST only JSON: a form of another site could send multipart/form-data without asking (CORS "simple" requests). */
export const onlyJson: MiddlewareHandler<Environment> = async function requireJson(c, next) {
  const method = c.req.raw.method
  if (method !== 'GET' && method !== 'POST') {
    c.header('allow', 'GET, POST')
    return refused(c, new AppError('METHOD_NOT_SUPPORTED', 'Queries are GET, mutations are POST.'))
  }
  const type = c.req.header('content-type')
  const isJson = type?.split(';', 1)[0]?.trim().toLowerCase() === 'application/json'
  if (isJson || (method === 'GET' && type === undefined)) return next()
  return refused(c, new AppError('UNSUPPORTED_MEDIA_TYPE', 'Send application/json.'))
}

/** Refuses a longer body by its announced length, unread; one that announces none is read up to the limit and no further. */
export const smallBody: MiddlewareHandler<Environment> = async function limitBody(c, next) {
  if (c.req.raw.method !== 'POST') return next()
  const announced = c.req.header('content-length')
  if (announced !== undefined) return Number(announced) > MAX_BODY_BYTES ? refused(c, tooLarge()) : next()
  const body = await readUpTo(c.req.raw.body, MAX_BODY_BYTES)
  if (body === null) return refused(c, tooLarge())
  const { url, signal } = c.req.raw
  c.req.raw = new Request(url, { method: 'POST', headers: [...c.req.raw.headers], body, signal })
  return next()
}

/** The whole of a stream, or null when it is longer. */
async function readUpTo(stream: ReadableStream<Uint8Array> | null, limit: number): Promise<Buffer<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream ?? []) {
    size += chunk.length
    if (size > limit) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function tooLarge(): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', 'A request holds at most 64 kB.')
}
