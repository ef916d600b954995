/** The API as data. */

/** As much of JSON Schema as zod writes. `x-type` names what JSON has no type for: Date, bigint, nothing, or the kind of an id. */
export interface Schema {
  type?: string | string[]
  'x-type'?: string
  format?: string
  pattern?: string
  const?: unknown
  enum?: unknown[]
  default?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  propertyNames?: Schema
  items?: Schema | boolean
  prefixItems?: Schema[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  $ref?: string
  $defs?: Record<string, Schema>
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  multipleOf?: number
}

export interface Procedure {
  kind: 'query' | 'mutation' | 'subscription'
  /** Who may call it, in words. */
  access: string
  secret?: true
  cookies?: true
  unkeyed?: true
  input: Schema
  output: Schema
}

export interface Contract {
  procedures: Record<string, Procedure>
  errors: { status: Record<string, number>; conflicts: string[] }
}

/** The contract as it stands in client/contract.json. */
export function textOf(contract: Contract): string {
  return `${JSON.stringify(contract, null, 2)}\n`
}
