/** Waiting that can be cut short: the shape of every loop that polls and is also woken. */

export interface Alarm {
  /** Ends the wait under way, or, where none is, the next one at once: no ring is lost. */
  ring(): void
  /** Resolves at the next ring, after `ms` at the latest. One waits at a time. */
  wait(ms: number): Promise<void>
}

/** Gives a new alarm that has not rung. */
export function alarm(): Alarm {
  let rung = false
  let awake: (() => void) | undefined
  return {
    ring() {
      rung = true
      awake?.()
    },
    async wait(ms) {
      if (!rung) await sleep(ms, (resolve) => (awake = resolve))
      awake = undefined
      rung = false
    },
  }
}

function sleep(ms: number, register: (resolve: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    register(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
