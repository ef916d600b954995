/** Reads the schemas that procedures name: what stands above each and above its fields, and which of them are schemas with names. */
import type { Expression } from 'oxc-parser'
import type { Docstrings } from '../../src/http/docs/docstrings.ts'
import { lookUp, type Module } from './module.ts'
import { firstOf, isNamed, propertiesOf, recordIn, schemaName, type Found } from './routers.ts'

type Schema = Docstrings['schemas'][string]
type Fields = NonNullable<Schema['fields']>

/** Describes them all, and those that they name in turn. */
export function describeSchemas(found: Found): Docstrings['schemas'] {
  const described: Record<string, Schema> = {}
  // What a schema names is added while it is walked.
  for (const [name, home] of found.schemas) {
    const named = home.module.names.get(home.name)
    if (named?.value) described[name] = { ...(named.text && { text: named.text }), ...partsOf(home.module, named.value, found) }
  }
  return described
}

function partsOf(module: Module, value: Expression, found: Found): Omit<Schema, 'text'> {
  const items = value.type === 'CallExpression' && isNamed(value.callee, 'pageOf') ? schemaName(module, firstOf(value), found) : undefined
  const fields = fieldsOf(module, value, found)
  return { ...(items && { items }), ...(Object.keys(fields).length > 0 && { fields }) }
}

/** `Page.extend({…})` and `ListSessions = Page` have the fields of Page as well. */
function fieldsOf(module: Module, value: Expression, found: Found): Fields {
  const base = value.type === 'CallExpression' && value.callee.type === 'MemberExpression' ? value.callee.object : value
  const home = base.type === 'Identifier' && base.name !== 'z' ? lookUp(module, base.name) : undefined
  const inherited = home?.named.value ? fieldsOf(home.module, home.named.value, found) : {}
  const own = propertiesOf(module, recordIn(value)).flatMap(({ key, value: field, text }) => {
    const schema = schemaName(module, field, found)
    // A constant that is not exported has no name to look up: what it says is said of the field.
    const said = text || (!schema && field.type === 'Identifier' ? lookUp(module, field.name)?.named.text : '')
    return schema || said ? [[key, { ...(said && { text: said }), ...(schema && { schema }) }] as const] : []
  })
  return { ...inherited, ...Object.fromEntries(own) }
}
