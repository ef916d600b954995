/** What a run writes down: rows of one table, and the figures that something is wanted of. */

/** One line of the table. Microseconds of CPU are of one operation. */
export interface Row {
  readonly part: string
  readonly what: string
  readonly who: string
  /** The process's own. */
  readonly cpuUs?: number
  /** That of PostgreSQL's connections for it; null where they cannot be read. */
  readonly databaseUs?: number | null
  /** Half the distance of the quartiles over the rounds, of the CPU together, as a share of the median. */
  readonly spread?: number
  readonly p50Ms?: number
  readonly p99Ms?: number
  readonly perSecond?: number
  /** Anything else worth a cell. */
  readonly note?: string
}

/** What a part of the run gives. */
export interface Part {
  readonly rows: readonly Row[]
  /** By the names that `wanted.ts` asks for. */
  readonly figures: Readonly<Record<string, number>>
}

/** How much is done. */
export interface Mode {
  readonly name: 'quick' | 'whole'
  readonly rounds: number
  /** Requests, or milliseconds of operations, in one round of one contestant. */
  readonly requests: number
  readonly roundMs: number
  /** Rows of the longest list. */
  readonly sizes: readonly number[]
  readonly starts: number
  readonly seconds: number
}
