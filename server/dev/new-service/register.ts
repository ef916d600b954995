/** Where a new service is named: one line in each of these files, in the order of the names. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError } from '../../src/db/setup-error.ts'
import type { Names } from './names.ts'

interface Place {
  readonly file: string
  /** Finds the lines of the other services; the first group is a service's name. */
  readonly lines: RegExp
  readonly line: (names: Names) => string
}

const places: readonly Place[] = [
  {
    file: 'prisma/schema/base.prisma',
    lines: /(?<=schemas\s*=\s*\[.*)"(\w+)", (?=.*"core"\])/g,
    line: ({ service }) => `"${service}", `,
  },
  {
    file: 'server/src/router.ts',
    lines: /import \{ \w+Router \} from '\.\/services\/(\w+)\/router\.ts'\n/g,
    line: ({ service }) => `import { ${service}Router } from './services/${service}/router.ts'\n`,
  },
  {
    file: 'server/src/router.ts',
    lines: / {2}\/\*\*[^\n]*\*\/\n {2}(\w+): \w+Router,\n/g,
    line: ({ service, nouns }) => `  /** The ${nouns} of teams. */\n  ${service}: ${service}Router,\n`,
  },
  {
    file: 'server/src/jobs/jobs.ts',
    lines: /import \{ jobs as \w+ \} from '\.\.\/services\/(\w+)\/index\.ts'\n/g,
    line: ({ service }) => `import { jobs as ${service} } from '../services/${service}/index.ts'\n`,
  },
  { file: 'server/src/jobs/jobs.ts', lines: /(?<=readonly Job\[\] = \[.*)\.\.\.(\w+), /g, line: ({ service }) => `...${service}, ` },
  {
    file: 'server/src/personal-data.ts',
    lines: /import \{ personalData as \w+ \} from '\.\/services\/(\w+)\/index\.ts'\n/g,
    line: ({ service }) => `import { personalData as ${service} } from './services/${service}/index.ts'\n`,
  },
  // Between the core and `auth`: the account of a person is erased after everything that knows them by it.
  {
    file: 'server/src/personal-data.ts',
    lines: /(?<=readonly PersonalData\[\] = \[core, .*)(\w+), /g,
    line: ({ service }) => `${service}, `,
  },
]

/** Names the service in the schema, the router, the jobs and the list of what is held of people, of the workspace. */
export function register(root: string, names: Names): void {
  for (const { file, lines, line } of places) {
    const path = join(root, file)
    writeFileSync(path, withLine(readFileSync(path, 'utf8'), { file, lines, line: line(names), name: names.service }))
  }
}

function withLine(text: string, { file, lines, line, name }: { file: string; lines: RegExp; line: string; name: string }): string {
  const others = [...text.matchAll(lines)]
  const last = others.at(-1)
  if (!last)
    throw new SetupError(
      `${file} names its services in another way than pnpm new:service knows: review server/dev/new-service/register.ts.`,
    )
  const next = others.find(([, other = '']) => other > name)
  const at = next ? next.index : last.index + last[0].length
  return text.slice(0, at) + line + text.slice(at)
}
