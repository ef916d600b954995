/**
 * What an answer that is streamed costs the server, against one that waits for its slowest call: CPU per request of one and of ten queries,
 * each reading ten rows, without a database or a socket. `node bench/streaming.ts`
 */
import { startEdge } from '../server/test/edge.ts'

const ROUNDS = 12
const REQUESTS = 300

const edge = await startEdge()
const socket = { incoming: { socket: { remoteAddress: '127.0.0.1' } } }
const kinds = [1, 10].flatMap((calls) => ['application/json', 'application/jsonl'].map((accept) => ({ calls, accept, least: Infinity })))
try {
  for (let round = 0; round < ROUNDS; round++) for (const kind of kinds) kind.least = Math.min(kind.least, await cpuOf(kind))
  for (const { calls, accept, least } of kinds) console.log(`${calls} calls, ${accept}: ${least.toFixed(0)} µs a request`)
} finally {
  await edge.stop()
}

/** µs of CPU for a request. */
async function cpuOf({ calls, accept }: { calls: number; accept: string }): Promise<number> {
  const url = `https://plinth.example.com/trpc/${Array(calls).fill('tenRows').join(',')}?batch=1&input=%7B%7D`
  const before = process.cpuUsage()
  for (let sent = 0; sent < REQUESTS; sent++) await (await edge.app.fetch(new Request(url, { headers: { accept } }), socket)).text()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / REQUESTS
}
