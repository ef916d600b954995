/** The page of a run: docs/bench.md, made from its results and from bench/notes.md alone. */
import type { Row } from './rows.ts'
import { isMet, wanted, type Wanted } from './wanted.ts'

export interface Results {
  readonly mode: 'quick' | 'whole'
  readonly at: string
  readonly minutes: number
  readonly machine: Readonly<Record<string, string>>
  readonly versions: Readonly<Record<string, string>>
  /** How each contestant was started. */
  readonly commands: Readonly<Record<string, string>>
  readonly rows: readonly Row[]
  readonly figures: Readonly<Record<string, number>>
}

/** Gives the page. `notes` is what stands and why, in words of ours. */
export function pageOf(results: Results, notes: string): string {
  return [
    '# Bench',
    '',
    `Written by \`pnpm bench${results.mode === 'quick' ? ' --quick' : ''}\` (${results.at}, ${results.minutes.toFixed(1)} minutes); the same figures stand in \`bench/results.json\`.`,
    'Everything below is of that one run. Contestants take turns in short rounds, in changing order; figures are medians over the rounds, p50 and p99 are of all requests.',
    'CPU is of one operation in µs: what the process says of itself (`process.cpuUsage`, all threads), and what PostgreSQL\'s connections for it used. ± is half the distance between the',
    'quartiles of the rounds. A quotient is the median of the rounds\' own quotients. Rates and latencies are of a closed loop on a machine that also runs PostgreSQL and the caller: compare them, do not quote them.',
    '',
    list(results.machine),
    '',
    table(results),
    '',
    notes.trim(),
    '',
    '## How each was started',
    '',
    ...Object.entries(results.commands).map(([name, command]) => `- ${name}: \`${command}\``),
    '',
    '## Versions',
    '',
    list(results.versions),
    '',
  ].join('\n')
}

function list(of: Readonly<Record<string, string>>): string {
  return Object.entries(of)
    .map(([name, value]) => `${name} ${value}`)
    .join(' · ')
}

/** Gives the one table: in each part what was measured, then what comes of it with what was wanted beside it. */
export function table({ rows, figures }: Pick<Results, 'rows' | 'figures'>): string {
  const parts = [...new Set([...rows.map(({ part }) => part), ...wanted.map(({ part }) => part)])]
  const lines = parts.flatMap((part) => [
    ...rows.filter((row) => row.part === part).map(measured),
    ...wanted.filter((each) => each.part === part).map((each) => concluded(each, figures[each.figure])),
  ])
  const head = ['part', 'what', 'who', 'CPU process', 'CPU PostgreSQL', '±', 'p50 ms', 'p99 ms', 'a second', 'figure', 'wanted', 'met']
  return [head, head.map((name) => (/^(part|what|who|figure|wanted|met)$/.test(name) ? '---' : '---:')), ...lines].map(line).join('\n')
}

function measured(row: Row): string[] {
  const { part, what, who, cpuUs, databaseUs, spread, p50Ms, p99Ms, perSecond, note = '' } = row
  const database = databaseUs === null ? 'not readable' : number(databaseUs)
  return [part, what, who, number(cpuUs), database, spread === undefined ? '' : `${(spread * 100).toFixed(0)} %`, number(p50Ms), number(p99Ms), number(perSecond), note, '', '']
}

function concluded(each: Wanted, value: number | undefined): string[] {
  const met = isMet(each, value)
  const figure = value === undefined ? 'not measured' : `**${value.toFixed(2)}** ${each.unit}`
  const limit = each.most === null ? '' : `at most ${each.most}`
  return [each.part, each.what, '', '', '', '', '', '', '', figure, limit, met === null ? '' : met ? 'yes' : '**no**']
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

/** Three digits that count. */
function number(value: number | undefined): string {
  if (value === undefined) return ''
  return value >= 100 ? Math.round(value).toLocaleString('en-GB') : String(Number(value.toPrecision(2)))
}
