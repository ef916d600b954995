/**
 * What TanStack Query asks for, in whatever framework: `useQuery(queryOptions(plinth.teams.get, { teamId }))`. It needs nothing of TanStack's.
 * Nothing is tried again by TanStack, for the client does, and knows when it is safe: another try of a mutation must have the same key.
 */
import { pathOf } from './paths.ts'
import { encode } from './transformer.ts'

interface CallOptions {
  readonly signal?: AbortSignal
}
interface Query<Input, Output> {
  readonly query: (input: Input, options?: CallOptions) => Promise<Output>
}
interface Mutation<Input, Output> {
  readonly mutate: (input: Input, options?: CallOptions) => Promise<Output>
}
interface Page {
  readonly nextCursor: string | null
}

/** A procedure without an input is called without one. */
type InputOf<Input> = void extends Input ? [input?: Input] : [input: Input]

/** Names what is cached: `['plinth', 'teams', 'get', 'query', input]`. */
export type QueryKey = readonly unknown[]

/**
 * Gives what all keys of a part begin with, for `invalidateQueries({ queryKey: keyOf(plinth.teams) })`: a service's, or a procedure's with
 * every input.
 */
export function keyOf(part: object): QueryKey {
  return ['plinth', ...pathOf(part)]
}

/** Gives the options of a query. Its key is the same for inputs that say the same, also with dates and bigints in them; leaving it aborts the call. */
export function queryOptions<Input, Output>(procedure: Query<Input, Output>, ...[input]: InputOf<Input>) {
  return {
    queryKey: [...keyOf(procedure), 'query', ...keyedInput(input)] as QueryKey,
    // A procedure without an input has `undefined` for one.
    queryFn: ({ signal }: { signal: AbortSignal }): Promise<Output> => procedure.query(input as Input, { signal }),
    retry: false as const,
  }
}

/** Gives the options of a list that goes on from page to page (`nextCursor`); the input is that of the first page. */
export function infiniteQueryOptions<Input extends { cursor?: string }, Output extends Page>(
  procedure: Query<Input, Output>,
  input: Omit<Input, 'cursor'>,
) {
  return {
    queryKey: [...keyOf(procedure), 'infinite', ...keyedInput(input)] as QueryKey,
    queryFn: ({ pageParam, signal }: { pageParam: string | undefined; signal: AbortSignal }): Promise<Output> => {
      // An input without its cursor is that of the first page.
      const asked = (pageParam === undefined ? input : { ...input, cursor: pageParam }) as Input
      return procedure.query(asked, { signal })
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Output): string | undefined => page.nextCursor ?? undefined,
    retry: false as const,
  }
}

/** Gives the options of a mutation; each `mutate(input)` is a call with a key of its own. */
export function mutationOptions<Input, Output>(procedure: Mutation<Input, Output>) {
  return {
    mutationKey: [...keyOf(procedure), 'mutation'] as QueryKey,
    mutationFn: (input: Input): Promise<Output> => procedure.mutate(input),
    retry: false as const,
  }
}

/** As it travels: TanStack's own comparison knows no bigint, and takes any two dates for the same. */
function keyedInput(input: unknown): readonly unknown[] {
  return input === undefined ? [] : [JSON.parse(JSON.stringify(encode(input)))]
}
