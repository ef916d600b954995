/**
 * The long campaign about accounts, for people: `pnpm faults:accounts [--seed N] [--kills 60] [--people 8]`. Prints the seed first and the counts
 * last. Exit code 1 where somebody is worse off than they may be.
 */
import { parseArgs } from 'node:util'
import { closeAll } from '../system.ts'
import { runAccounts } from './campaign.ts'

const { values } = parseArgs({
  options: { seed: { type: 'string' }, kills: { type: 'string', default: '60' }, people: { type: 'string', default: '8' } },
})
const seed = values.seed ?? String(Date.now() % 1_000_000)
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => void closeAll().finally(() => process.exit(code)))

const start = Date.now()
const elapsed = (): string => `${((Date.now() - start) / 1000).toFixed(1)} s`
console.log(`seed ${seed}, ${values.kills} kills, ${values.people} people at once`)
const { wrongs, stories, toll } = await runAccounts({
  seed,
  kills: Number(values.kills),
  people: Number(values.people),
  tell: (line) => console.log(`${elapsed().padStart(9)}  ${line}`),
})
const kinds = Object.entries(Object.groupBy(stories, ({ kind }) => kind)).map(([kind, those]) => `${those.length} ${kind}`)
const killed = [...toll.kills].map(([victim, times]) => `${victim} ${times}`)
console.log(
  `${elapsed()}; killed: ${killed.join(', ')}; ${toll.missed} points not reached in time; ${stories.length} people: ${kinds.join(', ')}`,
)
console.log(wrongs.length === 0 ? 'Nobody is locked out, no token was used twice, no account is half made.' : wrongs.join('\n'))
process.exitCode = wrongs.length > 0 ? 1 : 0
