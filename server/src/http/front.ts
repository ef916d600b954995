/** What stands at `/`: a few words for whoever comes by. */
import type { Handler } from 'hono'
import type { Config } from '#lib/config.ts'
import { docsAreGiven } from './docs/routes.ts'
import { page } from './page.ts'
import type { Environment } from './request.ts'

/** Says what this server is: a page for browsers, JSON for the rest. */
export function front({ NODE_ENV, API_DOCS }: Pick<Config, 'NODE_ENV' | 'API_DOCS'>): Handler<Environment> {
  const outbox =
    NODE_ENV === 'development'
      ? '<p>Mails of this development server: <a href="/dev/mail">the outbox</a>. Try <a href="/sign-up">signing up</a>.</p>'
      : ''
  const given = docsAreGiven({ NODE_ENV, API_DOCS })
  const documents = given ? '<p>What they are: <a href="/docs">the documentation</a>, and <a href="/openapi.json">OpenAPI</a>.</p>' : ''
  const html = page(
    'Plinth',
    `<p>One typed backend for several applications. Procedures are called at <code>/trpc</code>, best through the package <code>@plinth/client</code>.</p>${documents}
<p>Health: <a href="/livez">/livez</a> and <a href="/readyz">/readyz</a>.</p>${outbox}`,
  )
  return (c) => {
    if (c.req.header('accept')?.includes('text/html')) return c.html(html)
    return c.json({
      name: 'Plinth',
      procedures: '/trpc',
      health: ['/livez', '/readyz'],
      ...(given && { docs: '/docs', openapi: '/openapi.json' }),
    })
  }
}
