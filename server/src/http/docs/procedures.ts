/** The procedures as the documents list them: what the router knows of each, joined with what the code says of it. */
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { z } from 'zod'
import { statusOf, type ErrorCode } from '#lib/errors.ts'
import { MOST_BYTES, MOST_BYTES_WITH_FILES } from '../../trpc/bodies.ts'
import type { Meta } from '../../trpc/procedures.ts'
import { definitionOf } from '../../trpc/seal.ts'
import { docstrings } from './docstrings.ts'

export interface Described {
  /** `teams.member.changeRole` */
  readonly path: string
  /** The router that it stands in: `teams.member`. */
  readonly group: string
  readonly kind: 'query' | 'mutation' | 'subscription'
  /** Who may call it, in words. */
  readonly access: string
  readonly meta: Meta
  readonly mostBytes: number
  readonly text: string
  /** Undefined where it takes none. */
  readonly input: z.ZodType | undefined
  /** Of a subscription: one event. */
  readonly output: z.ZodType
  /** The names of the two, where they have one. */
  readonly names: { readonly input?: string; readonly output?: string }
  /** What it may be refused with: what its door and its rule say first, then what any call of its kind may meet. */
  readonly refusals: readonly Refusal[]
}

export interface Refusal {
  readonly code: ErrorCode
  /** When, as the rest of a sentence: `unless the actor owns the team`; empty where the code says it all. */
  readonly when: string
  /** Whether this procedure says so, or all of its kind do. */
  readonly isOwn: boolean
}

/** Lists them by name. */
export function describeProcedures(router: AnyTRPCRouter): Described[] {
  const all = Object.entries<AnyTRPCProcedure>(router._def.procedures)
  return all.map(([path, procedure]) => describeProcedure(path, procedure)).toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

/** The fields of an input; of one that is this or that, the fields of all. */
export function fieldsOf(input: z.ZodType | undefined): Record<string, z.ZodType> {
  if (input instanceof z.ZodObject) return input.shape
  if (!(input instanceof z.ZodUnion)) return {}
  return Object.assign({}, ...input.options.map((option) => fieldsOf(option as z.ZodType))) as Record<string, z.ZodType>
}

/** The first sentence of a text. */
export function summaryOf(text: string): string {
  return /^.*?[.](?=\s|$)/s.exec(text)?.[0].replace(/\.$/, '') ?? text
}

function describeProcedure(path: string, procedure: AnyTRPCProcedure): Described {
  const { type, meta = {}, inputs, output } = definitionOf(procedure)
  const { text = '', refusals = '', input: inputName, output: outputName } = docstrings.procedures[path] ?? {}
  const own = inputs.at(-1)
  const input = own instanceof z.ZodVoid ? undefined : (own as z.ZodType)
  return {
    path,
    group: path.slice(0, Math.max(0, path.lastIndexOf('.'))),
    kind: type,
    access: meta.access ?? 'nobody',
    meta,
    mostBytes: meta.mostBytes ?? (meta.files ? MOST_BYTES_WITH_FILES : MOST_BYTES),
    text,
    input,
    output: itemOf(output),
    names: { ...(inputName && { input: inputName }), ...(outputName && { output: outputName }) },
    refusals: refusalsOf(type, meta, input !== undefined, refusals),
  }
}

/** The schema of a stream holds that of one event (trpc/stream-of.ts). */
function itemOf(output: unknown): z.ZodType {
  return (typeof output === 'object' && output !== null && 'item' in output ? output.item : output) as z.ZodType
}

function refusalsOf(kind: Described['kind'], meta: Meta, hasInput: boolean, said: string): Refusal[] {
  const own = said.split(/[;,] (?=[A-Z]+(?:_[A-Z]+)*\b)/).flatMap(refusalIn)
  const isMutation = kind === 'mutation'
  const general: (readonly [ErrorCode, string, boolean])[] = [
    ['BAD_REQUEST', 'when the input is not what it takes: `details.fields` names each fault', hasInput],
    [
      'CONFLICT',
      'KEY_REUSED when the idempotency key came before with another input; TOO_BUSY when others change the same thing',
      isMutation,
    ],
    [
      'ALREADY_DONE',
      'when the same key had its effect before: the answer held a secret and is not kept',
      isMutation && meta.secret === true,
    ],
    ['UNKNOWN_OUTCOME', 'when the connection was lost at the commit of a call without a key', isMutation],
    ['FORBIDDEN', 'when a browser says that the call comes from a foreign page', true],
    ['PAYLOAD_TOO_LARGE', 'when the request is longer than it may be', isMutation],
    ['UNSUPPORTED_MEDIA_TYPE', 'when the content type is another', isMutation],
    ['TOO_MANY_REQUESTS', 'when the caller has used up its calls of this minute', true],
    ['UNAVAILABLE', 'when the database cannot take it: nothing was done', true],
    ['INTERNAL', 'by a fault of ours: the request id finds it in the log', true],
  ]
  return [...unique(own), ...general.flatMap(([code, when, applies]) => (applies ? [{ code, when, isOwn: false }] : []))]
}

/** A door and a rule may say the same of different things; a code that stands alone says nothing beside one with words. */
function unique(refusals: readonly Refusal[]): Refusal[] {
  return refusals.filter(({ code, when }, index) => {
    const others = refusals.filter((other, place) => place !== index && other.code === code)
    return when === '' ? !others.some((other) => other.when !== '' || refusals.indexOf(other) < index) : true
  })
}

function refusalIn(words: string): Refusal[] {
  const [, code = '', when = ''] = /^([A-Z_]+)[,:]?\s*(.*)$/s.exec(words.trim()) ?? []
  return code in statusOf ? [{ code: code as ErrorCode, when, isOwn: true }] : []
}
