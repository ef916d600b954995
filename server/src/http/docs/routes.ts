/** Where the documents of the API stand: /openapi.json for machines, /docs for people, /llms.txt for language models. Nothing of them comes from elsewhere. */
import { createHash } from 'node:crypto'
import type { AnyTRPCRouter } from '@trpc/server'
import { Hono, type Handler } from 'hono'
import type { Config } from '#lib/config.ts'
import type { Environment } from '../request.ts'
import { openApiOf } from './openapi.ts'
import { describeProcedures } from './procedures.ts'
import { schemasOf } from './schemas.ts'

type DocsConfig = Pick<Config, 'API_DOCS' | 'NODE_ENV' | 'PUBLIC_URL'>

/** Whether the documents are given: everywhere but in production, and there where API_DOCS says so. */
export function docsAreGiven({ API_DOCS, NODE_ENV }: Pick<Config, 'API_DOCS' | 'NODE_ENV'>): boolean {
  return API_DOCS ?? NODE_ENV !== 'production'
}

/** Gives the routes. Each document is made when it is first asked for, once: neither the start nor a call waits for it. */
export function docs(router: AnyTRPCRouter, config: DocsConfig): Hono<Environment> {
  const described = once(() => {
    const procedures = describeProcedures(router)
    return { procedures, schemas: schemasOf(procedures) }
  })
  const openApi = once(() => openApiOf(described().procedures, described().schemas, config))
  const app = new Hono<Environment>()
  app.get(
    '/openapi.json',
    document('application/json', () => JSON.stringify(openApi())),
  )
  return app
}

/** Answers with a text that stays the same while the process lives; a browser asks again, and is told in a few bytes that it has it. */
function document(type: string, make: () => string): Handler<Environment> {
  const made = once(() => {
    const text = make()
    return { text, etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"` }
  })
  return (c) => {
    const { text, etag } = made()
    const headers = { 'content-type': `${type}; charset=utf-8`, etag, 'cache-control': 'no-cache' }
    const known = c.req
      .header('if-none-match')
      ?.split(',')
      .map((tag) => tag.trim().replace(/^W\//, ''))
    return known?.includes(etag) ? c.body(null, 304, headers) : c.body(text, 200, headers)
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
