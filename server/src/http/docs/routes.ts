/** Where the documents of the API stand: /openapi.json for machines, /docs for people, /llms.txt for language models. Nothing of them comes from elsewhere. */
import { createHash } from 'node:crypto'
import type { AnyTRPCRouter } from '@trpc/server'
import { Hono, type Handler } from 'hono'
import type { Config } from '#lib/config.ts'
import type { Environment } from '../request.ts'

type DocsConfig = Pick<Config, 'API_DOCS' | 'NODE_ENV' | 'PUBLIC_URL'>

/** One document, as it is answered. */
interface Document {
  readonly type: string
  readonly text: string
  /** The Content-Security-Policy of a page. */
  readonly policy?: string
}

/** Whether the documents are given: everywhere but in production, and there where API_DOCS says so. */
export function docsAreGiven({ API_DOCS, NODE_ENV }: Pick<Config, 'API_DOCS' | 'NODE_ENV'>): boolean {
  return API_DOCS ?? NODE_ENV !== 'production'
}

/** Gives the routes. Each document, and the code that makes it, is loaded when it is first asked for, once: neither the start nor a call waits for it. */
export function docs(router: AnyTRPCRouter, config: DocsConfig): Hono<Environment> {
  const url = config.PUBLIC_URL.replace(/\/$/, '')
  const described = once(async () => {
    const [{ describeProcedures }, { schemasOf }] = await Promise.all([import('./procedures.ts'), import('./schemas.ts')])
    const procedures = describeProcedures(router)
    return { procedures, schemas: schemasOf(procedures) }
  })
  const openApi = async (): Promise<Document> => {
    const [{ openApiOf }, { procedures, schemas }] = await Promise.all([import('./openapi.ts'), described()])
    return { type: 'application/json', text: JSON.stringify(openApiOf(procedures, schemas, config)) }
  }
  const page = async (): Promise<Document> => {
    const [{ documentation, POLICY }, { procedures, schemas }] = await Promise.all([import('./documentation.ts'), described()])
    return { type: 'text/html', text: documentation(procedures, schemas, url), policy: POLICY }
  }
  const list = async (): Promise<Document> => {
    const [{ llmsText }, { procedures }] = await Promise.all([import('./documentation.ts'), described()])
    return { type: 'text/plain', text: llmsText(procedures, url) }
  }
  const app = new Hono<Environment>()
  app.get('/openapi.json', answerWith(openApi))
  app.get('/docs', answerWith(page))
  app.get('/llms.txt', answerWith(list))
  return app
}

/** Answers with what stays the same while the process lives; a browser asks again, and is told in a few bytes that it has it. */
function answerWith(make: () => Promise<Document>): Handler<Environment> {
  const made = once(async () => {
    const { type, text, policy } = await make()
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`
    const csp = policy && { 'content-security-policy': policy }
    return { text, etag, headers: { 'content-type': `${type}; charset=utf-8`, etag, 'cache-control': 'no-cache', ...csp } }
  })
  return async (c) => {
    const { text, etag, headers } = await made()
    const shown = (c.req.header('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
    return shown.includes(etag) ? c.body(null, 304, headers) : c.body(text, 200, headers)
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
