/** What the code says of the API, as data: made by `node server/dev/access.ts` from the sources, so that none is read or parsed at run time. */
import made from './docstrings.json' with { type: 'json' }

export interface Docstrings {
  /** Of Plinth. */
  readonly version: string
  /** By the path of a router: `teams`, `teams.member`. */
  readonly routers: Readonly<Record<string, string>>
  readonly procedures: Readonly<Record<string, ProcedureText>>
  /** By the name of a schema: `teams.Team`. */
  readonly schemas: Readonly<Record<string, SchemaText>>
  /** What each error code means. */
  readonly errors: Readonly<Record<string, string>>
  /** The reasons of a CONFLICT. */
  readonly conflicts: readonly string[]
}

export interface ProcedureText {
  readonly text: string
  /** What its door and its rule refuse, in the words of their `@throws`: `FORBIDDEN unless the actor owns the team; CONFLICT LAST_OWNER …`. */
  readonly refusals?: string
  /** The names of its schemas. */
  readonly input?: string
  readonly output?: string
}

export interface SchemaText {
  readonly text?: string
  /** Of a list: the name of what it lists. */
  readonly items?: string
  readonly fields?: Readonly<Record<string, { readonly text?: string; readonly schema?: string }>>
}

export const docstrings: Docstrings = made
