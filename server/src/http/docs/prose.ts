/** From schemas and docstrings to HTML: types as a caller in TypeScript knows them, and text with its code marked. */
import { escaped } from '../page.ts'
import { nameIn, type JsonSchema } from './schemas.ts'

/** A docstring as HTML: paragraphs, lists and `code`. */
export function prose(text: string): string {
  if (!text) return ''
  return text
    .split('\n\n')
    .map((paragraph) => {
      const [first = '', ...items] = paragraph.split(/\n?^- /m)
      const list = items.length > 0 ? `<ul>${items.map((item) => `<li>${inline(item)}</li>`).join('')}</ul>` : ''
      return (first ? `<p>${inline(first)}</p>` : '') + list
    })
    .join('')
}

/** One line of text as HTML. */
export function inline(text: string): string {
  return escaped(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\*\*([^*]+)\*\*/g, '<b>$1</b>')
}

/** A type as TypeScript writes it, with links to those that have a name. */
export function typeHtml(schema: JsonSchema): string {
  const name = nameIn(schema)
  if (name !== undefined) return `<a href="#type:${escaped(name)}">${escaped(name)}</a>`
  if (typeof schema['x-superjson'] === 'string') return schema['x-superjson']
  if ('const' in schema) return literal(schema.const)
  if (schema.enum) return schema.enum.map(literal).join(' | ')
  const union = schema.anyOf ?? schema.oneOf
  if (union) return union.map(typeHtml).join(' | ')
  if (schema.contentMediaType) return 'File'
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeHtml({ ...schema, type } as JsonSchema)).join(' | ')
  if (schema.type === 'array') return arrayHtml(schema)
  if (schema.type === 'object') return objectHtml(schema)
  return schema.type === 'integer' ? 'number' : (schema.type ?? 'unknown')
}

/** What a value must be beside its type, in a few words; empty where there is nothing to say. */
export function limitsOf(schema: JsonSchema): string {
  const { minimum, maximum, minLength, maxLength, pattern, format } = schema
  const whole = schema.type === 'integer' ? 'whole' : ''
  const lengths = between(minLength, maxLength, 'characters')
  const size = between(
    minimum === Number.MIN_SAFE_INTEGER ? undefined : minimum,
    maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum,
    '',
  )
  // A pattern that nobody reads at a glance is in the OpenAPI document.
  const shape = pattern !== undefined && pattern.length <= 40 ? `like <code>${escaped(pattern)}</code>` : format === 'uuid' ? 'a UUID' : ''
  return [whole, lengths, size, shape].filter(Boolean).join(', ')
}

function between(low: number | undefined, high: number | undefined, unit: string): string {
  const words =
    low === undefined || low === 0
      ? high === undefined
        ? ''
        : `at most ${high}`
      : high === undefined
        ? `at least ${low}`
        : `${low} to ${high}`
  return words && unit ? `${words} ${unit}` : words
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `<span class="s">'${escaped(value)}'</span>` : escaped(String(value))
}

function arrayHtml(schema: JsonSchema): string {
  if (schema.prefixItems) return `[${schema.prefixItems.map((item) => typeHtml(item as JsonSchema)).join(', ')}]`
  const item = typeHtml((schema.items ?? {}) as JsonSchema)
  return / \| /.test(item) ? `(${item})[]` : `${item}[]`
}

function objectHtml(schema: JsonSchema): string {
  const properties = Object.entries(schema.properties ?? {})
  if (properties.length === 0) {
    const values = schema.additionalProperties
    return typeof values === 'object' ? `Record&lt;string, ${typeHtml(values as JsonSchema)}&gt;` : '{}'
  }
  const fields = properties.map(
    ([key, property]) => `${escaped(key)}${schema.required?.includes(key) ? '' : '?'}: ${typeHtml(property as JsonSchema)}`,
  )
  return `{ ${fields.join('; ')} }`
}
