/** /docs: everything a caller needs to know, on one page that asks nothing of any other server. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { statusOf } from '#lib/errors.ts'
import { escaped } from '../page.ts'
import { article, highlighted, sample, typeCard } from './article.ts'
import { docstrings } from './docstrings.ts'
import { codes } from './errors.ts'
import { fieldsOf, summaryOf, type Described } from './procedures.ts'
import { inline, prose } from './prose.ts'
import type { Schemas } from './schemas.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'
import { WIRE } from './wire.ts'

/** What the page may do: its own style and its own script, each known by its hash, and nothing from elsewhere. */
export const POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The procedures of one router, by its path; those of a service itself stand under its name. */
interface Group {
  readonly name: string
  readonly procedures: readonly Described[]
}

interface Service {
  readonly name: string
  readonly groups: readonly Group[]
}

/** Gives the page, for a server at this address. */
export function documentation(procedures: readonly Described[], schemas: Schemas, url: string): string {
  const services = servicesOf(procedures)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Plinth API</title>
<style>${STYLE}</style></head>
<body><a class="skip" href="#start">To the text</a>
${navigation(services)}
<main>${beginning(url)}
${services.map((service) => serviceHtml(service, schemas, url)).join('\n')}
<section class="service" id="types"><h2>Types</h2><p>What the procedures take and give has a name where more than one speaks of it.</p>
${Object.entries(schemas.named)
  .toSorted(([a], [b]) => a.localeCompare(b, 'en'))
  .map(([name, schema]) => typeCard(name, schema, schemas.named))
  .join('\n')}</section>
</main><script>${SCRIPT}</script></body></html>
`
}

function servicesOf(procedures: readonly Described[]): Service[] {
  const byService = Object.groupBy(procedures, ({ path }) => path.split('.')[0] ?? '')
  return Object.entries(byService).map(([name, own = []]) => {
    const groups = Object.entries(Object.groupBy(own, ({ group }) => group)).map(([group, members = []]) => ({
      name: group,
      procedures: members,
    }))
    return { name, groups: groups.toSorted((a, b) => (a.name < b.name ? -1 : 1)) }
  })
}

function navigation(services: readonly Service[]): string {
  const basics = [
    ['start', 'How to call'],
    ['wire', 'On the wire'],
    ['errors', 'Errors'],
    ['types', 'Types'],
  ].map(([id, name]) => link(id ?? '', name ?? '', `${name}`))
  return `<nav class="side" aria-label="Procedures"><details open><summary>Plinth API<span>Menu</span></summary>
<a class="brand" href="#start">Plinth API <small>${escaped(docstrings.version)}</small></a>
<input id="find" type="search" placeholder="Find a procedure  ( / )" aria-label="Find a procedure" autocomplete="off" spellcheck="false">
<p class="none" hidden>Nothing of that name.</p>
<section><h2>Basics</h2><ul>${basics.join('')}</ul></section>
${services.map(navigationOf).join('\n')}</details></nav>`
}

function navigationOf({ name, groups }: Service): string {
  const lists = groups.map((group) => {
    const noun = group.name.slice(name.length + 1)
    const links = group.procedures.map(({ path, kind, text }) =>
      link(path, path.slice(path.lastIndexOf('.') + 1), `${path} ${text} ${kind}`, `<i class="dot ${kind}" title="${kind}"></i>`),
    )
    return `<div${noun ? ' class="noun"' : ''}>${noun && `<h3>${escaped(noun)}</h3>`}<ul>${links.join('')}</ul></div>`
  })
  return `<section><h2>${escaped(name)}</h2>${lists.join('')}</section>`
}

function link(id: string, name: string, words: string, mark = ''): string {
  return `<li><a href="#${escaped(id)}" data-text="${escaped(words.toLowerCase())}">${mark}${escaped(name)}</a></li>`
}

const CLIENT = (url: string): string => `import { createClient, TeamId } from '@plinth/client'

const plinth = createClient({ url: '${url}', token })
const team = await plinth.teams.get.query({ teamId: TeamId.of(text) })`

function beginning(url: string): string {
  const rows = codes.map(
    (code) =>
      `<tr><td class="mono"><b>${code}</b></td><td>${statusOf[code]}</td><td>${inline(docstrings.errors[code] ?? 'The request is not as it should be.')}</td></tr>`,
  )
  return `<section id="start"><h1>Plinth API</h1><p class="lead">Every procedure, with who may call it, what it takes, what it answers and what it refuses.</p>
<div class="part"><h2>From TypeScript</h2>${prose("`@plinth/client` knows every procedure by its type, sends calls together, tries again where that is safe, and gives each mutation its idempotency key. `isAppError(error, 'CONFLICT')` narrows an error to its details, and an id that stands in a URL is made by `TeamId.of(text)`.")}
${sample('TypeScript', highlighted(CLIENT(url)))}</div>
<div class="part"><h2>From anything else</h2><p>Plain HTTP and JSON. <a href="/openapi.json">/openapi.json</a> describes all of it as OpenAPI 3.1; <a href="/llms.txt">/llms.txt</a> is the short list for language models.</p></div></section>
<section class="part" id="wire"><h2>On the wire</h2>${prose(WIRE)}</section>
<section class="part" id="errors"><h2>Errors</h2><p>The codes are a closed list. The details of <code>BAD_REQUEST</code> name each field and its faults, those of <code>CONFLICT</code> the reason (${docstrings.conflicts.map((reason) => `<code>${escaped(reason)}</code>`).join(', ')}), and where waiting helps they say for how many seconds.</p>
<div class="wide"><table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead><tbody>${rows.join('')}</tbody></table></div></section>`
}

function serviceHtml({ name, groups }: Service, schemas: Schemas, url: string): string {
  const parts = groups.map((group) => {
    const noun = group.name.slice(name.length + 1)
    const said = noun ? docstrings.routers[group.name] : ''
    const title = noun ? `<h3 class="noun-title">${escaped(noun)}</h3>${said ? prose(said) : ''}` : ''
    return title + group.procedures.map((procedure) => article(procedure, schemas, url)).join('\n')
  })
  return `<section class="service" aria-label="${escaped(name)}"><h2>${escaped(name)}</h2>${prose(docstrings.routers[name] ?? '')}${parts.join('\n')}</section>`
}

/** One line per procedure, as llmstxt.org has it. */
export function llmsText(procedures: readonly Described[], url: string): string {
  const sections = servicesOf(procedures).map(({ name, groups }) => {
    const lines = groups.flatMap((group) => group.procedures).map((procedure) => lineOf(procedure, url))
    return `## ${name}\n\n${docstrings.routers[name] ? `${docstrings.routers[name]}\n\n` : ''}${lines.join('\n')}`
  })
  return `# Plinth

> One typed backend that several applications stand on: each procedure is called over HTTP, from TypeScript through the typed client \`@plinth/client\`.

${WIRE}

## Documents

- [OpenAPI 3.1](${url}/openapi.json): every procedure with its schemas and errors
- [Documentation](${url}/docs): the same for people, with examples

${sections.join('\n\n')}
`
}

function lineOf({ path, kind, access, text, input }: Described, url: string): string {
  const fields = input
    ? ` Input: ${Object.entries(fieldsOf(input))
        .map(([name, field]) => (isOptional(field) ? `${name}?` : name))
        .join(', ')}.`
    : ''
  return `- [${path}](${url}/docs#${path}): ${kind}, ${access}.${text && ` ${summaryOf(text)}.`}${fields}`
}

/** What may be left out: an optional field whose key must not be undefined says so by its kind alone. */
function isOptional(field: z.ZodType): boolean {
  return field instanceof z.ZodExactOptional || field.safeParse(undefined).success
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}
