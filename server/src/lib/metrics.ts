/**
 * The figures of this process, in the text format of Prometheus (version 0.0.4). Counters, gauges and histograms, each declared once beside
 * what it measures. Labels come from closed sets (procedures, codes, queues), never from what a caller typed: the number of series is bounded.
 */

/** What becomes of a figure when several processes are asked: added up, told apart by the label `process`, or the same in all of them. */
export type Across = 'SUM' | 'EACH' | 'ONCE'

/** One line of the answer, but for the name. Plain data: it travels between processes. */
export interface Sample {
  readonly suffix: '' | '_bucket' | '_sum' | '_count'
  readonly labels: readonly (readonly [name: string, value: string])[]
  readonly value: number
}

/** A figure with everything that is known of it now. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly across: Across
  readonly samples: readonly Sample[]
}

/** What was read: one value, or one for each set of label values. Undefined where there is none now. */
export type Reading = number | readonly (readonly [labels: readonly string[], value: number])[] | undefined

const declared = new Map<string, () => Family | Promise<Family>>()

/** Declares what only grows. Gives how to add to it; the label values stand in the order of the names. */
export function counter(name: string, help: string, labels: readonly string[] = []): (values?: readonly string[], by?: number) => void {
  const series = new Map<string, { readonly values: readonly string[]; total: number }>()
  declare(name, () => ({
    name,
    help,
    type: 'counter',
    across: 'SUM',
    samples: [...series.values()].map(({ values, total }) => sample(named(labels, values), total)),
  }))
  return (values = [], by = 1) => {
    const key = values.join('\n')
    const known = series.get(key)
    if (known) known.total += by
    else series.set(key, { values, total: by })
  }
}

interface ReadingOptions {
  readonly labels?: readonly string[]
  readonly across?: Across
  /** A counter where it only grows. */
  readonly type?: 'counter' | 'gauge'
}

/** Declares what is looked up when it is asked for. A reading that fails is left out. */
export function reading(
  name: string,
  help: string,
  read: () => Reading | Promise<Reading>,
  { labels = [], across = 'SUM', type = 'gauge' }: ReadingOptions = {},
): void {
  declare(name, async () => {
    const found = await Promise.resolve()
      .then(read)
      .catch(() => undefined)
    const values = typeof found === 'number' ? [[[], found] as const] : (found ?? [])
    return { name, help, type, across, samples: values.map(([of, value]) => sample(named(labels, of), value)) }
  })
}

/** Declares what goes up and down. Gives how to move it. */
export function level(name: string, help: string): (by: number) => void {
  let value = 0
  reading(name, help, () => value)
  return (by) => {
    value += by
  }
}

interface Bins {
  readonly values: readonly string[]
  /** One more than there are bounds: what exceeds them all. */
  readonly counts: number[]
  sum: number
}

/** Declares a distribution of durations. Gives how to add one, in milliseconds; it is shown in seconds, as Prometheus has it. */
export function histogram(
  name: string,
  help: string,
  { labels = [], bounds = latencies }: { readonly labels?: readonly string[]; readonly bounds?: readonly number[] } = {},
): (ms: number, values?: readonly string[]) => void {
  const series = new Map<string, Bins>()
  const samples = () => [...series.values()].flatMap((bins) => samplesOf(named(labels, bins.values), bounds, bins))
  declare(name, () => ({ name, help, type: 'histogram', across: 'SUM', samples: samples() }))
  return (ms, values = []) => {
    const key = values.join('\n')
    let bins = series.get(key)
    if (!bins) series.set(key, (bins = { values, counts: Array<number>(bounds.length + 1).fill(0), sum: 0 }))
    const seconds = ms / 1_000
    const bin = bounds.findIndex((bound) => seconds <= bound)
    const at = bin < 0 ? bounds.length : bin
    bins.counts[at] = (bins.counts[at] ?? 0) + 1
    bins.sum += seconds
  }
}

/** In seconds: from a read out of memory to what somebody complains about. */
const latencies = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** Gives every figure of this process as it is now. */
export async function figures(): Promise<Family[]> {
  return Promise.all([...declared.values()].map(async (read) => read()))
}

/** Puts the figures of several processes together; the number of each is the label of what is told apart. */
export function together(processes: readonly { readonly process: number; readonly families: readonly Family[] }[]): Family[] {
  const names = new Set(processes.flatMap(({ families }) => families.map(({ name }) => name)))
  return [...names].flatMap((name) => {
    const found = processes.flatMap(({ process, families }) =>
      families.filter((family) => family.name === name).map((family) => ({ process, family })),
    )
    const [first] = found
    if (!first) return []
    return [{ ...first.family, samples: joined(first.family.across, found) }]
  })
}

function joined(across: Across, found: readonly { readonly process: number; readonly family: Family }[]): readonly Sample[] {
  if (across === 'ONCE') return found.find(({ family }) => family.samples.length > 0)?.family.samples ?? []
  if (across === 'EACH') {
    return found.flatMap(({ process, family }) =>
      family.samples.map((each) => ({ ...each, labels: [['process', String(process)] as const, ...each.labels] })),
    )
  }
  const sums = new Map<string, Sample>()
  for (const each of found.flatMap(({ family }) => family.samples)) {
    const key = JSON.stringify([each.suffix, each.labels])
    sums.set(key, { ...each, value: (sums.get(key)?.value ?? 0) + each.value })
  }
  return [...sums.values()]
}

/** Writes figures as Prometheus reads them. */
export function exposition(families: readonly Family[]): string {
  return families.map((family) => `${header(family)}${family.samples.map((each) => line(family.name, each)).join('')}`).join('')
}

function header({ name, help, type }: Family): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
}

function line(name: string, { suffix, labels, value }: Sample): string {
  const inside = labels.map(([label, text]) => `${label}="${escaped(text)}"`).join(',')
  return `${name}${suffix}${inside && `{${inside}}`} ${value}\n`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function declare(name: string, read: () => Family | Promise<Family>): void {
  if (declared.has(name)) throw new Error(`${name} is declared twice`)
  declared.set(name, read)
}

function named(names: readonly string[], values: readonly string[]): Sample['labels'] {
  return names.map((name, at) => [name, values[at] ?? ''])
}

function sample(labels: Sample['labels'], value: number): Sample {
  return { suffix: '', labels, value }
}

/** Each bucket counts what is at most its bound, the buckets below it among them. */
function samplesOf(labels: Sample['labels'], bounds: readonly number[], { counts, sum }: Bins): Sample[] {
  let total = 0
  const buckets = counts.map((count, at): Sample => {
    total += count
    return { suffix: '_bucket', labels: [...labels, ['le', String(bounds[at] ?? '+Inf')]], value: total }
  })
  return [...buckets, { suffix: '_sum', labels, value: sum }, { suffix: '_count', labels, value: total }]
}
