/** What is wanted of the figures of a run, each with its bound; and what is told beside them without one. */

export interface Wanted {
  /** Its name among the figures of a run. */
  readonly figure: string
  /** The part of the table it stands in. */
  readonly part: string
  readonly what: string
  readonly unit: string
  /** The largest value that is good; null where nothing is wanted of it. */
  readonly most: number | null
}

const extended = [
  ['findUnique', 'findUnique'],
  ['findMany', 'findMany, 20 rows'],
  ['findManyNested', 'findMany, 20 rows with 5 each'],
  ['countFiltered', 'count with a relation filter'],
  ['create', 'create'],
  ['update', 'update'],
] as const

/** The operations that are run with our extensions and without, by the names of their figures. */
export const extendedOperations: ReadonlyMap<string, string> = new Map(extended.map(([figure, what]) => [what, `extension_${figure}`]))

export const wanted: readonly Wanted[] = [
  { figure: 'readAgainstStock', part: 'HTTP', what: 'read: CPU of Plinth / of Hono + tRPC + superjson + Prisma', unit: '×', most: 0.5 },
  { figure: 'readAgainstFloor', part: 'HTTP', what: 'read: CPU of Plinth / of node:http + pg', unit: '×', most: 3 },
  { figure: 'readAgainstFastify', part: 'HTTP', what: 'read: CPU of Plinth / of Fastify + Drizzle', unit: '×', most: null },
  { figure: 'mutationAgainstStock', part: 'HTTP', what: 'mutation: CPU of Plinth / of Hono + tRPC + superjson + Prisma', unit: '×', most: null },
  { figure: 'mutationAgainstFastify', part: 'HTTP', what: 'mutation: CPU of Plinth / of Fastify + Drizzle', unit: '×', most: null },
  { figure: 'mutationAgainstFloor', part: 'HTTP', what: 'mutation: CPU of Plinth / of node:http + pg', unit: '×', most: null },
  { figure: 'coldSessionQueries', part: 'Session check', what: 'queries of a cold check', unit: 'queries', most: 1 },
  { figure: 'betterAuthQueries', part: 'Session check', what: 'queries of the check of Better Auth', unit: 'queries', most: null },
  { figure: 'coldSessionAgainstBetterAuth', part: 'Session check', what: 'cold check: CPU of Plinth / of Better Auth', unit: '×', most: null },
  ...[...extendedOperations].map(([what, figure]) => ({ figure, part: 'Prisma', what: `${what}: CPU with our extensions / by hand`, unit: '×', most: 1.1 })),
  { figure: 'longestListAgainstShortest', part: 'Lists', what: 'first page: CPU of the longest list / of the shortest', unit: '×', most: 1.25 },
  { figure: 'deepestPageAgainstShortest', part: 'Lists', what: 'page at nine tenths: CPU of the longest list / first page of the shortest', unit: '×', most: 1.25 },
  { figure: 'startSeconds', part: 'Start', what: 'from the command until /readyz is green, warm: median', unit: 's', most: 2 },
]

/** Says whether a figure is as wanted; null where it was not measured or nothing is wanted. */
export function isMet({ most }: Pick<Wanted, 'most'>, value: number | undefined): boolean | null {
  return most === null || value === undefined || Number.isNaN(value) ? null : value <= most
}
