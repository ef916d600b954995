/**
 * The promise, tried: a change is really made, the client regenerated, everything compiled, and each use that the change makes wrong must be
 * named by the compiler in its file and on its line, each other use must not.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Change } from './changes.ts'
import { compiler, type Workspace } from './workspace.ts'

/** One use of one place, after one change. */
export interface Cell {
  /** Where it is compiled: the server, the client in the workspace, a test, a project outside of it. */
  place: 'server' | 'client' | 'test' | 'consumer'
  kind: string
  line: number
  /** What the compiler must say, and what it said. */
  stale: boolean
  reported: boolean
}

export interface Outcome {
  change: Change
  cells: readonly Cell[]
  /** Lines outside of the uses, in the server and the client themselves, that were named too. */
  elsewhere: number
  /** What `pnpm contract` says of it. */
  contract: string
}

const usesFolder = 'server/test/promise/uses'
const places = [
  { place: 'server', file: `${usesFolder}/server.ts` },
  { place: 'client', file: `${usesFolder}/client.ts` },
  { place: 'test', file: `${usesFolder}/testing.ts` },
  { place: 'consumer', file: 'consumer/client.ts' },
] as const

/** Makes the change in the copy and says what the compiler said of every use. */
export async function tryChange(workspace: Workspace, change: Change): Promise<Outcome> {
  workspace.apply(change.edits)
  must(await workspace.run(['server/dev/generate.ts']), 'generate')
  const inside = await workspace.run([compiler, '-p', 'tsconfig.promise.json', '--noEmit', '--pretty', 'false'])
  const contract = await workspace.run(['server/dev/contract.ts', 'client/contract.before.json'])
  must(await workspace.run(['server/dev/publish.ts', '--unpacked']), 'publish')
  const outside = await workspace.run([compiler, '-p', 'consumer', '--pretty', 'false'])
  const reported = linesOf(`${inside.output}\n${outside.output}`)
  const cells = places.flatMap(({ place, file }) => cellsOf(workspace, place, file, change.id, reported))
  const elsewhere = [...reported]
    .filter(([file]) => !places.some((known) => known.file === file))
    .reduce((sum, [, lines]) => sum + lines.size, 0)
  return { change, cells, elsewhere, contract: summaryOf(contract.output) }
}

function must({ ok, output }: { ok: boolean; output: string }, what: string): void {
  if (!ok) throw new Error(`${what} failed in the changed copy:\n${output}`)
}

function linesOf(output: string): Map<string, Set<number>> {
  const found = new Map<string, Set<number>>()
  for (const [, file = '', line] of output.matchAll(/^([^\s(]+)\((\d+),\d+\): error/gm))
    found.set(file, (found.get(file) ?? new Set()).add(Number(line)))
  return found
}

function cellsOf(workspace: Workspace, place: Cell['place'], file: string, id: string, reported: Map<string, Set<number>>): Cell[] {
  const lines = readFileSync(join(workspace.folder, file), 'utf8').split('\n')
  const named = reported.get(file) ?? new Set()
  return lines.flatMap((text, index) => {
    const line = index + 1
    const [, kind, marks] = / \/\/ ([^:]+): ([\w -]+)$/.exec(text) ?? []
    const stale = marks?.split(' ').includes(id) ?? false
    const isReported = named.has(line)
    return stale || isReported ? [{ place, kind: kind ?? text.trim(), line, stale, reported: isReported }] : []
  })
}

function summaryOf(report: string): string {
  const [first = ''] = report.split('\n')
  return first.replace(':', '')
}

/** The uses that the compiler let pass, or named without reason. */
export function missesOf({ cells }: Outcome): Cell[] {
  return cells.filter(({ stale, reported }) => stale !== reported)
}

/** The outcomes as a page: a table, then every use of every change. */
export function page(outcomes: readonly Outcome[]): string {
  const all = outcomes.flatMap(({ cells }) => cells)
  const misses = outcomes.flatMap(missesOf)
  return [
    '# The promise, tried',
    '',
    'Made by `pnpm promise`. Each change was really made in a copy of the workspace and carried through to the API, the Prisma client was generated anew,',
    'and the server, the client, the tests and a project outside of the workspace were compiled. A number such as 9/9 says that the compiler named the file and',
    'the line of nine of nine uses that the change makes wrong (server/test/promise/uses/); nothing else in these files was named, unless it says so.',
    '',
    `**${all.filter(({ stale }) => stale).length} stale uses, ${misses.length} misses.**`,
    '',
    '| change | server | client | test | outside project | also named in the code itself | `pnpm contract`, of callers that run already |',
    '|--|--|--|--|--|--|--|',
    ...outcomes.map(row),
    '',
    '## Every use',
    '',
    ...outcomes.flatMap(details),
  ].join('\n')
}

function row(outcome: Outcome): string {
  const columns = places.map(({ place }) => count(outcome.cells.filter((cell) => cell.place === place)))
  return `| ${outcome.change.about} | ${columns.join(' | ')} | ${outcome.elsewhere} | ${outcome.contract} |`
}

function count(cells: readonly Cell[]): string {
  const stale = cells.filter((cell) => cell.stale)
  const found = stale.filter(({ reported }) => reported).length
  const noise = cells.length - stale.length
  if (cells.length === 0) return '-'
  return `${found}/${stale.length}${found < stale.length ? ' **MISS**' : ''}${noise > 0 ? ` **${noise} for nothing**` : ''}`
}

function details({ change, cells }: Outcome): string[] {
  const lines = places.flatMap(({ place, file }) => {
    const own = cells.filter((cell) => cell.place === place)
    const texts = own.map(
      ({ kind, line, stale, reported }) => `${kind} (${line})${reported && stale ? '' : stale ? ' **MISS**' : ' **for nothing**'}`,
    )
    return own.length > 0 ? [`- ${place}, \`${file.split('/').at(-1)}\`: ${texts.join(', ')}`] : []
  })
  return [`### ${change.about}`, '', ...lines, '']
}
