/**
 * A Prisma generator: writes server/src/db/generated/metadata.ts, which tells at run time what Prisma 7 keeps to itself
 * (tables, columns, relations, the models of each service). Prisma speaks JSON-RPC with it, a request per line on standard input.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

interface DmmfField {
  name: string
  dbName?: string | null
  kind: 'scalar' | 'object' | 'enum' | 'unsupported'
  type: string
  isList: boolean
  isRequired: boolean
  nativeType?: [string, string[]] | null
  relationName?: string
  relationFromFields?: string[]
  isId: boolean
}

interface DmmfModel {
  name: string
  dbName?: string | null
  schema?: string | null
  fields: DmmfField[]
  primaryKey?: { fields: string[] } | null
}

interface GenerateParameters {
  dmmf: { datamodel: { models: DmmfModel[] } }
  generator: { output: { value: string } }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line) as { id: number; method: string; params: GenerateParameters }
  if (method === 'generate') write(params)
  const result = method === 'getManifest' ? { manifest: { prettyName: 'Plinth metadata', defaultOutput: './generated' } } : null
  process.stderr.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)
}

function write({ dmmf, generator }: GenerateParameters): void {
  const models = dmmf.datamodel.models
  const folder = generator.output.value
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    `${folder}/metadata.ts`,
    [
      '// Written by server/dev/metadata-generator.ts. Do not edit.',
      `export const models = ${JSON.stringify(Object.fromEntries(models.map((model) => describe(model, models))), null, 2)} as const`,
      `/** The client properties that belong to each service: what \`db(service)\` narrows to. */`,
      `export type ServiceModels = {`,
      ...services(models).map(([service, names]) => `  ${service}: ${names.map((name) => `'${name}'`).join(' | ')}`),
      '}',
      '',
    ].join('\n'),
  )
}

function describe(model: DmmfModel, models: DmmfModel[]): [string, unknown] {
  const columns = model.fields.filter((field) => field.kind === 'scalar' || field.kind === 'enum')
  return [
    model.name,
    {
      property: propertyOf(model),
      service: model.schema,
      table: model.dbName ?? model.name,
      key: model.primaryKey?.fields ?? model.fields.filter((field) => field.isId).map((field) => field.name),
      soft: columns.some((field) => field.name === 'deletedAt'),
      columns: Object.fromEntries(columns.map((field) => [field.name, { name: field.dbName ?? field.name, type: typeOf(field) }])),
      relations: Object.fromEntries(
        model.fields
          .filter((field) => field.kind === 'object')
          .map((field) => [
            field.name,
            {
              model: field.type,
              list: field.isList,
              required: field.isRequired,
              owns: (field.relationFromFields ?? []).length > 0,
              single: !field.isList && otherSide(field, models)?.isList === false,
            },
          ]),
      ),
    },
  ]
}

function otherSide(field: DmmfField, models: DmmfModel[]): DmmfField | undefined {
  const fields = models.find((model) => model.name === field.type)?.fields ?? []
  return fields.find((other) => other !== field && other.relationName === field.relationName)
}

function typeOf(field: DmmfField): string {
  if (field.kind === 'enum') return 'enum'
  return field.nativeType?.[0] === 'Uuid' ? 'uuid' : field.type
}

function propertyOf(model: DmmfModel): string {
  return model.name.charAt(0).toLowerCase() + model.name.slice(1)
}

function services(models: DmmfModel[]): [string, string[]][] {
  const grouped = Map.groupBy(models, (model) => model.schema ?? 'public')
  return [...grouped].map(([service, members]) => [service, members.map(propertyOf)])
}
