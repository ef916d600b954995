/** Keyset pagination: the next page starts after the last row of this one, so that inserts neither repeat nor hide a row. */
import { z } from 'zod'
import { AppError } from '#lib/errors.ts'

/** The input of a list: `Page.extend({ teamId: TeamId })`. */
export const Page = z.strictObject({
  /** What the page before gave as `nextCursor`. */
  cursor: z.string().min(1).max(200).exactOptional(),
  limit: z.number().int().min(1).max(100).default(20),
})
export type Page = z.infer<typeof Page>

/** The output of a list. */
export interface PageOf<T> {
  items: T[]
  /** Give it as `cursor` to read on; null at the end. */
  nextCursor: string | null
}

/** The schema of a list's output. */
export function pageOf<S extends z.ZodType>(item: S) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() })
}

/** A page of a query that is ordered by one unique column. */
export interface Keyset<K extends string> {
  /** Spread it into the query's `where`. */
  readonly where: { [P in K]?: { gt: string } | { lt: string } }
  /** One more than asked for: it tells whether there is a next page. */
  readonly take: number
  /** Cuts the rows to the page. */
  readonly cut: <T extends Record<K, string>>(rows: readonly T[]) => PageOf<T>
}

/** How a list differs from the usual one: ascending, by UUID. */
export interface KeysetOptions {
  /** As the query is ordered. */
  readonly order?: 'asc' | 'desc'
  /** What the column holds: a cursor with anything else is refused. */
  readonly key?: z.ZodType<string>
}

/**
 * Makes the parts of a query that gives one page, ordered by `column`, which is unique (an id).
 *
 * @throws BAD_REQUEST naming `cursor` when the cursor is none that this list gave.
 */
export function keyset<K extends string>(page: Pick<Page, 'cursor' | 'limit'>, column: K, options: KeysetOptions = {}): Keyset<K> {
  const after = page.cursor === undefined ? undefined : readCursor(page.cursor, options.key ?? z.uuid())
  const bound = options.order === 'desc' ? { lt: after } : { gt: after }
  return {
    where: (after === undefined ? {} : { [column]: bound }) as Keyset<K>['where'],
    take: page.limit + 1,
    cut: (rows) => {
      const items = rows.slice(0, page.limit)
      const last = items.at(-1)
      return { items, nextCursor: rows.length > page.limit && last ? Buffer.from(last[column]).toString('base64url') : null }
    },
  }
}

function readCursor(cursor: string, key: z.ZodType<string>): string {
  const result = key.safeParse(Buffer.from(cursor, 'base64url').toString())
  if (result.success) return result.data
  throw new AppError('BAD_REQUEST', 'The cursor is none that this list gave.', { fields: { cursor: ['is none that this list gave'] } })
}
