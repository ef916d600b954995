/** One procedure, and one type, as they stand on /docs. */
import { statusOf } from '#lib/errors.ts'
import { escaped } from '../page.ts'
import { docstrings } from './docstrings.ts'
import type { Described, Refusal } from './procedures.ts'
import { inline, limitsOf, prose, typeHtml } from './prose.ts'
import { samplesOf } from './samples.ts'
import { nameIn, type JsonSchema, type Schemas } from './schemas.ts'

/** A procedure: what it does, who may, what goes in and comes out, what it refuses, and how it is called. */
export function article(procedure: Described, schemas: Schemas, url: string): string {
  const { path, kind, text } = procedure
  const at = path.lastIndexOf('.') + 1
  const { client, curl, answer } = samplesOf(procedure, schemas, url)
  return `<article id="${escaped(path)}">
<header><h4 class="mono"><a href="#${escaped(path)}"><span>${escaped(path.slice(0, at))}</span><b>${escaped(path.slice(at))}</b></a></h4><span class="kind ${kind}">${kind}</span></header>
<div>${prose(text)}
<ul class="marks">${marksOf(procedure)
    .map((mark) => `<li>${inline(mark)}</li>`)
    .join('')}</ul>
<p class="label">Input${typeLink(schemas.inputs.get(path))}</p>${inputHtml(schemas.inputs.get(path), schemas.named)}
<p class="label">${kind === 'subscription' ? 'Each event' : 'Answer'}${typeLink(schemas.outputs.get(path))}</p>${outputHtml(schemas.outputs.get(path) ?? {}, schemas.named)}
${refusalsHtml(procedure)}</div>
<div class="samples">
${sample('TypeScript', highlighted(client))}
${sample('curl', escaped(curl))}
${sample(kind === 'subscription' ? 'The data of an event' : 'Answer', highlighted(answer))}
</div>
</article>`
}

/** A type that has a name. */
export function typeCard(name: string, schema: JsonSchema, named: Schemas['named']): string {
  const fields = fieldsHtml(schema, named)
  const shape = fields || `${shapeHtml(schema)}${limitsOf(schema) && `<p class="nothing">${capital(limitsOf(schema))}.</p>`}`
  return `<div class="type-card" id="type:${escaped(name)}"><h4 class="mono">${escaped(name)}</h4>${prose(schema.description ?? '')}${shape}</div>`
}

/** A sample under its name. */
export function sample(name: string, html: string): string {
  return `<figure><figcaption>${name}</figcaption><pre tabindex="0"><code>${html}</code></pre></figure>`
}

/** Marks texts and a few words of code. */
export function highlighted(code: string): string {
  return escaped(code)
    .replace(/&#39;.*?&#39;|&#34;.*?&#34;/g, '<span class="s">$&</span>')
    .replace(/\b(?:const|await|import|from|new|if|throw|try|catch)\b(?![^<]*<\/span>)/g, '<span class="k">$&</span>')
}

function marksOf({ access, kind, meta, mostBytes }: Described): string[] {
  const isLarge = meta.files || meta.mostBytes
  return [
    access,
    ...(kind === 'mutation' && !meta.unkeyed ? ['idempotency key'] : []),
    ...(meta.cookies ? ['sets or clears the cookie'] : []),
    ...(meta.secret ? ['answers a secret, once'] : []),
    ...(meta.files ? ['takes files'] : []),
    ...(isLarge ? [`at most ${Math.floor(mostBytes / 1024)} kB`] : []),
    ...(kind === 'subscription' ? ['resumes after `lastEventId`'] : []),
  ]
}

function typeLink(schema: JsonSchema | undefined): string {
  return schema && nameIn(schema)
    ? ` <a class="mono" href="#type:${escaped(nameIn(schema) ?? '')}">${escaped(nameIn(schema) ?? '')}</a>`
    : ''
}

function inputHtml(schema: JsonSchema | undefined, named: Schemas['named']): string {
  return schema ? outputHtml(schema, named) : '<p class="nothing">Nothing.</p>'
}

function outputHtml(schema: JsonSchema, named: Schemas['named']): string {
  return fieldsHtml(schema, named) || shapeHtml(named[nameIn(schema) ?? ''] ?? schema)
}

/** A union has a line for each of its members. */
function shapeHtml(schema: JsonSchema): string {
  const union = (schema.anyOf ?? schema.oneOf ?? []).map((member) => `<li>${typeHtml(member)}</li>`)
  if (union.length > 2) return `<ul class="union mono">${union.join('')}</ul>`
  return `<p class="mono">${typeHtml(schema)}</p>`
}

function fieldsHtml(schema: JsonSchema | undefined, named: Schemas['named']): string {
  const { properties = {}, required = [] } = named[nameIn(schema ?? {}) ?? ''] ?? schema ?? {}
  const fields = Object.entries(properties).map(([key, property]) => field(key, property as JsonSchema, required.includes(key)))
  return fields.length > 0 ? `<dl class="fields">${fields.join('')}</dl>` : ''
}

function field(key: string, schema: JsonSchema, isRequired: boolean): string {
  const limits = nameIn(schema) === undefined ? limitsOf(schema) : ''
  const standing = schema.default === undefined ? '' : `<em>default ${escaped(JSON.stringify(schema.default))}</em>`
  const need = isRequired ? '' : '<em>optional</em>'
  const words = [inline(schema.description ?? ''), limits && `${capital(limits)}.`].filter(Boolean).join(' ')
  return `<div><dt><b class="mono">${escaped(key)}</b><span class="type mono">${typeHtml(schema)}</span>${need}${standing}</dt>${words && `<dd>${words}</dd>`}</div>`
}

function capital(words: string): string {
  return /^[a-z]/.test(words) ? words.charAt(0).toUpperCase() + words.slice(1) : words
}

function refusalsHtml({ refusals, kind }: Described): string {
  const own = refusals.filter(({ isOwn }) => isOwn)
  const general = refusals.filter(({ isOwn }) => !isOwn)
  const list =
    own.length > 0
      ? `<p class="label">Refused with</p><ul class="codes">${own.map(refusalHtml).join('')}</ul>`
      : '<p class="label">Refused with</p>'
  return `${list}<details class="more"><summary>What any ${kind} may be refused with</summary><ul class="codes">${general.map(refusalHtml).join('')}</ul></details>`
}

function refusalHtml({ code, when }: Refusal): string {
  const [, reason = '', rest = ''] = /^([A-Z_]{4,}\b)?\s*(.*)$/s.exec(when) ?? []
  const words = rest || (reason ? '' : lowered(docstrings.errors[code] ?? ''))
  return `<li><span class="status">${statusOf[code]}</span><span><b class="mono">${code}</b>${reason && ` <code>${reason}</code>`} <span class="when">${inline(words)}</span></span></li>`
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, '')
}
