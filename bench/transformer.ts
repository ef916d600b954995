/** What the transformer costs beside superjson's own: `node bench/transformer.ts`. CPU per value, the least of many rounds. */
import { createRequire } from 'node:module'
import { cpuUsage } from 'node:process'
import { decode, encode } from '../client/src/transformer.ts'

// superjson is the client's dependency, not this folder's.
const { default: superjson } = createRequire(new URL('../client/package.json', import.meta.url))('superjson') as typeof import('../client/node_modules/superjson/dist/index.js')

const row = (index: number) => ({
  id: `01991f0e-7b1c-7000-8000-${String(index).padStart(12, '0')}`,
  name: `Person ${index}`,
  email: `person${index}@example.com`,
  role: 'MEMBER',
  joinedAt: new Date(1_700_000_000_000 + index * 60_000),
})
const page = { items: Array.from({ length: 10 }, (_, index) => row(index)), nextCursor: null }
const money = { items: page.items.map((item) => ({ ...item, amount: 1299n, note: undefined })), nextCursor: null }
const text = JSON.stringify(superjson.serialize(page))

/** CPU in microseconds of one call of `work`, the least of 40 rounds of 500. */
function cost(work: () => unknown): number {
  const rounds = Array.from({ length: 40 }, () => {
    const start = cpuUsage()
    for (let turn = 0; turn < 500; turn++) work()
    const { user, system } = cpuUsage(start)
    return (user + system) / 500
  })
  return Math.min(...rounds)
}

console.table({
  'JSON.stringify alone': { 'µs': cost(() => JSON.stringify(page)) },
  'encode and stringify, 10 rows with a Date': { 'µs': cost(() => JSON.stringify(encode(page))) },
  'superjson the same': { 'µs': cost(() => JSON.stringify(superjson.serialize(page))) },
  'encode and stringify, with bigint and undefined too': { 'µs': cost(() => JSON.stringify(encode(money))) },
  'superjson the same ': { 'µs': cost(() => JSON.stringify(superjson.serialize(money))) },
  'parse and decode': { 'µs': cost(() => decode(JSON.parse(text))) },
  'JSON.parse alone': { 'µs': cost(() => JSON.parse(text)) },
})
