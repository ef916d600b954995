/** How a request is refused before, or outside, any procedure: in the shape that procedures use, so that one client understands all. */
import { encode } from '@plinth/client/transformer'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { AppError } from '#lib/errors.ts'
import { errorShape } from '../trpc/errors.ts'
import type { Environment } from './request.ts'

/** Answers with an AppError. */
export function refused(c: Context<Environment>, error: AppError): Response {
  const shape = errorShape(error, c.get('requestId') ?? null, null)
  if (error.code === 'PAYLOAD_TOO_LARGE') c.header('connection', 'close')
  return c.json({ error: encode(shape) }, shape.data.httpStatus as ContentfulStatusCode)
}
