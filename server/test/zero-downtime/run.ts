/**
 * The whole form, for people: `pnpm zero-downtime [--rows 300000] [--http 40] [--transactions 110] [--statements 350]`. Prints a line for each step and the longest stall last.
 * Exit code 1 where a request failed or a write was lost.
 */
import { parseArgs } from 'node:util'
import { openTemporary } from '../../src/db/embedded-temporary.ts'
import { deploy } from '../../src/deploy.ts'
import { table } from './table.ts'
import { renameUnderLoad } from './rename.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '300000' },
    http: { type: 'string', default: '40' },
    transactions: { type: 'string', default: '110' },
    statements: { type: 'string', default: '350' },
    calm: { type: 'string', default: '6' },
  },
})

const server = await openTemporary()
try {
  await deploy(server.url)
  const outcome = await renameUnderLoad({
    databaseUrl: server.url,
    rows: Number(values.rows),
    httpPerSecond: Number(values.http),
    rates: { transactions: Number(values.transactions), statements: Number(values.statements) },
    calmMs: Number(values.calm) * 1000,
    tell: console.log,
  })
  console.log(table(outcome))
  if (outcome.failures.length + outcome.lost.length > 0) process.exitCode = 1
} finally {
  await server.close()
}
