/** A migration as the rules see it: its statements, where each stands, and which exceptions are written above it. */
import type { Migration } from '../../src/db/migrations/files.ts'
import { statementsOf, withoutComments } from '../../src/db/migrations/statements.ts'

/** What a rule found, at a line that counts from 1. */
export interface Finding {
  readonly rule: string
  readonly line: number
  readonly sentence: string
}

/** A rule that a statement is excused from, and why. */
export interface Exception {
  readonly rule: string
  readonly reason: string
}

/** One statement. Lines count from 1. */
export interface Statement {
  /** Without the comments above it. */
  readonly sql: string
  readonly firstLine: number
  readonly lastLine: number
  readonly exceptions: readonly Exception[]
}

/** Cuts a migration into its statements. An exception belongs to the statement that it stands above. */
export function readScript({ sql }: Pick<Migration, 'sql'>): Statement[] {
  let position = 0
  return statementsOf(sql).map((text) => {
    const begin = sql.indexOf(text, position)
    position = begin + text.length
    const comments = commentsAbove(text)
    return {
      sql: text.slice(comments.length),
      firstLine: lineAt(sql, begin + comments.length),
      lastLine: lineAt(sql, position),
      exceptions: exceptionsIn(comments),
    }
  })
}

/** `-- plinth: allow <rule>, <rule>: <reason>`, a line each. */
function exceptionsIn(comments: string): Exception[] {
  return [...comments.matchAll(/^--\s*plinth:\s*allow\s+([^:\n]+)(?::[ \t]*(.*))?$/gm)].flatMap(([, rules = '', reason = '']) =>
    rules.split(',').map((rule) => ({ rule: rule.trim(), reason: reason.trim() })),
  )
}

/** All that stands before the first word, outer comments and spaces. */
function commentsAbove(text: string): string {
  const lines = text.split('\n')
  const first = lines.findIndex((line) => withoutComments(line) !== '')
  return lines
    .slice(0, first)
    .map((line) => `${line}\n`)
    .join('')
}

function lineAt(sql: string, position: number): number {
  return sql.slice(0, position).split('\n').length
}
