/** What a run of one test says: whether it failed, passed, or was not run at all. */

/** As vitest writes it with its JSON reporter. */
export interface Report {
  readonly testResults: readonly {
    readonly message: string
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[]
      readonly title: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

export interface Verdict {
  readonly seen: 'FAILS' | 'PASSES' | 'DID NOT RUN'
  /** The first line of what the failure, or the run, said. */
  readonly said: string
}

/** Reads the run of the tests whose names begin so. One that failed is enough: a table of cases has one test each. */
export function verdictOf({ testResults }: Report, name: string): Verdict {
  const own = testResults.flatMap(({ assertionResults }) => assertionResults).filter(({ title }) => title.startsWith(name))
  const ran = own.filter(({ status }) => status === 'failed' || status === 'passed')
  const failed = ran.find(({ status }) => status === 'failed')
  if (failed) return { seen: 'FAILS', said: firstLine(failed.failureMessages[0]) }
  if (ran.length > 0) return { seen: 'PASSES', said: '' }
  return { seen: 'DID NOT RUN', said: firstLine(testResults.find(({ message }) => message !== '')?.message) }
}

function firstLine(text = ''): string {
  return text.split('\n')[0] ?? ''
}
