/** What a request to /trpc may look like, decided before any of it is read. */
import type { Context, MiddlewareHandler } from 'hono'
import { AppError } from '#lib/errors.ts'
import { MOST_BYTES, type Body } from '../trpc/bodies.ts'
import { refused } from './refusal.ts'
import type { Environment } from './request.ts'

type Bodies = ReadonlyMap<string, Body>

/**
 * Takes GET and POST, and of POST only JSON: a form of another site could send multipart/form-data without asking (CORS "simple" requests).
 * Procedures with files alone take multipart/form-data too; that it comes from a page of ours is seen by its origin (http/origins.ts).
 */
export function onlyJson(bodies: Bodies): MiddlewareHandler<Environment> {
  return async function requireJson(c, next) {
    const method = c.req.raw.method
    if (method !== 'GET' && method !== 'POST') {
      c.header('allow', 'GET, POST')
      return refused(c, new AppError('METHOD_NOT_SUPPORTED', 'Queries are GET, mutations are POST.'))
    }
    const header = c.req.header('content-type')
    const type = header?.split(';', 1)[0]?.trim().toLowerCase()
    if (type === 'application/json' || (method === 'GET' && header === undefined)) return next()
    if (type === 'multipart/form-data' && method === 'POST' && bodyOf(c, bodies).takesFiles) return next()
    return refused(c, new AppError('UNSUPPORTED_MEDIA_TYPE', 'Send application/json.'))
  }
}

/** Refuses a longer body by its announced length, unread; one that announces none is read up to the limit and no further. */
export function smallBody(bodies: Bodies): MiddlewareHandler<Environment> {
  return async function limitBody(c, next) {
    if (c.req.raw.method !== 'POST') return next()
    const { mostBytes } = bodyOf(c, bodies)
    const announced = c.req.header('content-length')
    if (announced !== undefined) return Number(announced) > mostBytes ? refused(c, tooLarge(mostBytes)) : next()
    const body = await readUpTo(c.req.raw.body, mostBytes)
    if (body === null) return refused(c, tooLarge(mostBytes))
    const { url, signal } = c.req.raw
    c.req.raw = new Request(url, { method: 'POST', headers: [...c.req.raw.headers], body, signal })
    return next()
  }
}

const ordinary: Body = { takesFiles: false, mostBytes: MOST_BYTES }

/** By the path as it was sent: a name that is escaped, or one of a batch, is no name here. */
function bodyOf(c: Context<Environment>, bodies: Bodies): Body {
  return bodies.get(new URL(c.req.raw.url).pathname.slice('/trpc/'.length)) ?? ordinary
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

function tooLarge(mostBytes: number): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', `A request to this procedure holds at most ${Math.floor(mostBytes / 1024)} kB.`)
}
