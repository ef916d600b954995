/**
 * The process's clock, for caches and limits. Expiry of tokens and sessions is decided by the database's clock (`core.clock()`, `tx.now`),
 * so that two processes with different clocks agree.
 */
let offsetMs = 0

/** Now. */
export function now(): Date {
  return new Date(Date.now() + offsetMs)
}

/** Moves this process's clock forward by `ms`; tests alone call it, together with the database's (test/clock.ts). */
export function advanceClock(ms: number): void {
  offsetMs += ms
}
