/** What a request to /trpc may look like, decided before any of it is read. */
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
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

const counted = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => refused(c, tooLarge()) })

/** Refuses a longer body by its announced length, unread; one that announces none is read up to the limit and no further. */
export const smallBody: MiddlewareHandler<Environment> = async function limitBody(c, next) {
  const announced = c.req.header('content-length')
  if (announced === undefined || c.req.header('transfer-encoding') !== undefined) return c.req.raw.method === 'GET' ? next() : counted(c, next)
  return Number(announced) > MAX_BODY_BYTES ? refused(c, tooLarge()) : next()
}

function tooLarge(): AppError {
  return new AppError('PAYLOAD_TOO_LARGE', 'A request holds at most 64 kB.')
}
