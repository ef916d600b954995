/** Whether migrations can be applied while people work: squawk's rules and our own, and the exceptions that are written with a reason. */
import { join } from 'node:path'
import { readMigrations } from '../../src/db/migrations/files.ts'
import type { Migration } from '../../src/db/migrations/files.ts'
import { ownFindings } from './own-rules.ts'
import { readScript } from './script.ts'
import type { Finding, Statement } from './script.ts'
import { squawk } from './squawk.ts'

/** What made the first schema, in databases that were empty. The list is closed: every later migration meets tables with rows in them. */
export const beginning: readonly string[] = [
  '20261120000000_foundation',
  '20261120000100_soft_delete_guards',
  '20261120000200_readable_history',
  '20261120121524_deletion_index',
  '20261120121540_pending_sign_ups_and_retention',
]

/** A reason has at least so many words: "needed" is none. */
const wordsOfAReason = 4

/** Lists, a line each, what may not be applied under load; empty where all is well. Migrations of the beginning pass. */
export async function lintMigrations(folder: string): Promise<string[]> {
  const migrations = readMigrations(folder).filter(({ name }) => !beginning.includes(name))
  const fileOf = ({ name }: Migration): string => join(folder, name, 'migration.sql')
  const [together, apart] = await Promise.all(
    [true, false].map((kind) => squawk(migrations.filter(({ transactional }) => transactional === kind).map(fileOf), kind)),
  )
  const faults = migrations.map(async (migration) => {
    const statements = readScript(migration)
    const squawks = together?.get(fileOf(migration)) ?? apart?.get(fileOf(migration)) ?? []
    const findings = [...squawks, ...(await ownFindings(migration, statements))]
    return faultsOf(statements, findings, migration).map(({ rule, line, sentence }) => `${migration.name}:${line} ${rule}: ${sentence}`)
  })
  return (await Promise.all(faults)).flat()
}

/** The findings that nobody excused, and the exceptions that excuse nothing or say no reason. In the order of the lines. */
function faultsOf(statements: readonly Statement[], findings: readonly Finding[], { sql }: Migration): Finding[] {
  const at = (line: number): Statement | undefined => statements.find(({ firstLine, lastLine }) => firstLine <= line && line <= lastLine)
  const unexcused = findings.filter(({ rule, line }) => !at(line)?.exceptions.some((exception) => exception.rule === rule))
  const bad = statements.flatMap(({ exceptions, firstLine }) =>
    exceptions.flatMap(({ rule, reason }): Finding[] => {
      if (reason.split(/\s+/).length < wordsOfAReason)
        return [{ rule: 'exception', line: firstLine, sentence: `say why: -- plinth: allow ${rule}: <the reason>.` }]
      const excuses = findings.some((finding) => finding.rule === rule && at(finding.line)?.firstLine === firstLine)
      return excuses ? [] : [{ rule: 'exception', line: firstLine, sentence: `nothing here breaks ${rule}.` }]
    }),
  )
  const foreign = /--\s*squawk-ignore/.test(sql)
    ? [{ rule: 'exception', line: 1, sentence: 'squawk-ignore says no reason: -- plinth: allow <rule>: <the reason>.' }]
    : []
  return [...foreign, ...unexcused, ...bad].toSorted((a, b) => a.line - b.line)
}
