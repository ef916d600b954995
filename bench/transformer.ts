/** What the transformer costs beside superjson's own: `node bench/transformer.ts`. CPU of one page of ten rows. */
import { createRequire } from 'node:module'
import { decode, encode } from '../client/src/transformer.ts'
import { offer } from './worker.ts'

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

await offer({
  'encode and stringify: Plinth': () => JSON.stringify(encode(page)),
  'encode and stringify: superjson': () => JSON.stringify(superjson.serialize(page)),
  'encode and stringify: JSON alone': () => JSON.stringify(page),
  'with bigint and undefined: Plinth': () => JSON.stringify(encode(money)),
  'with bigint and undefined: superjson': () => JSON.stringify(superjson.serialize(money)),
  'parse and decode: Plinth': () => decode(JSON.parse(text)),
  'parse and decode: JSON alone': () => JSON.parse(text),
})
