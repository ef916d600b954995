/** A process whose operations are measured one at a time: by the run, over IPC, or by hand, where it prints a line for each. */
import { setImmediate as breathe } from 'node:timers/promises'

/** One operation. What answers without a promise is called many times for one. */
export type Operation = () => unknown

interface Order {
  readonly operation: string
  readonly ms: number
  readonly lanes: number
}

interface Cost {
  readonly count: number
  readonly cpuUs: number
  readonly seconds: number
  readonly latencies: readonly number[]
}

/** Offers the operations. By hand each is run for a second, after one to warm up; `end` is called afterwards. */
export async function offer(operations: Readonly<Record<string, Operation>>, end: () => Promise<void> = async () => undefined): Promise<void> {
  if (process.send) {
    process.on('message', (message: Order | 'cpu') => {
      if (message === 'cpu') return
      // It tells its number by itself (queries.ts).
      if (message.operation === 'queries') return void operations['queries']?.()
      void perform(operations, message).then((cost) => process.send?.(cost))
    })
    process.on('SIGTERM', () => void end().then(() => process.exit(0)))
    // The probe has let go of the channel; a worker waits for orders.
    process.channel?.ref()
    process.send('ready')
    return
  }
  for (const operation of Object.keys(operations)) {
    if (operation === 'queries') await operations[operation]?.()
    if (operation === 'queries') continue
    await perform(operations, { operation, ms: 300, lanes: 4 })
    const { count, cpuUs, seconds } = await perform(operations, { operation, ms: 1_000, lanes: 4 })
    console.log(`${operation.padEnd(44)} ${(cpuUs / count).toFixed(1).padStart(9)} µs of CPU, ${Math.round(count / seconds)} a second`)
  }
  await end()
}

async function perform(operations: Readonly<Record<string, Operation>>, { operation, ms, lanes }: Order): Promise<Cost> {
  const run = operations[operation]
  if (!run) throw new Error(`There is no operation ${operation}`)
  const latencies: number[] = []
  let count = 0
  const begun = performance.now()
  const before = process.cpuUsage()
  const lane = async (): Promise<void> => {
    for (let turn = 1; performance.now() - begun < ms; turn++) {
      const from = performance.now()
      const result = run()
      if (isThenable(result)) {
        await result
        latencies.push(performance.now() - from)
        count += 1
      } else {
        for (let more = 1; more < 50; more++) run()
        count += 50
      }
      // What never waits never lets go of the thread: the process must hear its own timers.
      if (turn % 100 === 0) await breathe()
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  const { user, system } = process.cpuUsage(before)
  return { count, cpuUs: user + system, seconds: (performance.now() - begun) / 1_000, latencies }
}

/** Prisma's promises are none of the language's, and do nothing until they are awaited. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
