/**
 * What an answer that is streamed costs the server, against one that waits for its slowest call: CPU per request of one and of ten queries,
 * each reading ten rows, without a database or a socket. `node bench/streaming.ts`
 */
import { startEdge } from '../server/test/edge.ts'
import { offer } from './worker.ts'

const edge = await startEdge()
const socket = { incoming: { socket: { remoteAddress: '127.0.0.1' } } }
const kinds = [1, 10].flatMap((calls) => ['application/json', 'application/jsonl'].map((accept) => ({ calls, accept })))

await offer(Object.fromEntries(kinds.map((kind) => [`${kind.calls} ${kind.calls === 1 ? 'query' : 'queries'}, ${kind.accept}`, () => ask(kind)])), () => edge.stop())

async function ask({ calls, accept }: (typeof kinds)[number]): Promise<void> {
  const url = `https://plinth.example.com/trpc/${Array(calls).fill('tenRows').join(',')}?batch=1&input=%7B%7D`
  await (await edge.app.fetch(new Request(url, { headers: { accept } }), socket)).text()
}
