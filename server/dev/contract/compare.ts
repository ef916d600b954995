/** Says what a change of the API means for those who call it: what breaks them, and what does not. */
import type { Contract, Procedure } from './contract.ts'
import { compareSchemas, type Found } from './compare-schemas.ts'

/** One difference: where, what, and whether a caller that was right before is wrong now. */
export interface Change {
  breaks: boolean
  where: string
  what: string
}

/** Lists the differences of two contracts, those that break callers first. */
export function compareContracts(before: Contract, after: Contract): Change[] {
  const paths = [...new Set([...Object.keys(before.procedures), ...Object.keys(after.procedures)])].toSorted()
  const changes = [
    ...paths.flatMap((path) => compareEntry(path, before.procedures[path], after.procedures[path])),
    ...compareErrors(before, after),
  ]
  return changes.toSorted((a, b) => Number(b.breaks) - Number(a.breaks))
}

function compareEntry(path: string, before: Procedure | undefined, after: Procedure | undefined): Change[] {
  if (!before) return [{ breaks: false, where: path, what: 'is new' }]
  if (!after) return [{ breaks: true, where: path, what: 'is gone' }]
  return compareProcedures(path, before, after)
}

function compareProcedures(path: string, before: Procedure, after: Procedure): Change[] {
  const changes: Change[] = []
  if (before.kind !== after.kind) changes.push({ breaks: true, where: path, what: `was a ${before.kind} and is a ${after.kind}` })
  if (before.access !== after.access) {
    changes.push({ breaks: after.access !== 'anyone', where: path, what: `was for "${before.access}" and is for "${after.access}"` })
  }
  if (before.cookies !== after.cookies)
    changes.push({ breaks: true, where: path, what: 'travels otherwise (cookies): a client made before does not know' })
  if (before.secret !== after.secret)
    changes.push({ breaks: false, where: path, what: `its result is ${after.secret ? 'no longer' : 'now'} kept for a repeated call` })
  return [
    ...changes,
    ...placed(`${path} input`, compareSchemas({ role: 'input', before: before.input, after: after.input })),
    ...placed(`${path} output`, compareSchemas({ role: 'output', before: before.output, after: after.output })),
  ]
}

function placed(prefix: string, found: readonly Found[]): Change[] {
  return found.map(({ at, ...rest }) => ({ ...rest, where: prefix + at }))
}

/** A caller may have named every code and every reason in a switch: one more breaks that. */
function compareErrors(before: Contract, after: Contract): Change[] {
  return [
    ...compareNames('errors', Object.keys(before.errors.status), Object.keys(after.errors.status)),
    ...compareNames('errors CONFLICT', before.errors.conflicts, after.errors.conflicts),
    ...Object.entries(after.errors.status).flatMap(([code, status]) => {
      const old = before.errors.status[code]
      return old === undefined || old === status ? [] : [{ breaks: true, where: 'errors', what: `${code} was ${old} and is ${status}` }]
    }),
  ]
}

function compareNames(where: string, before: readonly string[], after: readonly string[]): Change[] {
  return [
    ...after
      .filter((name) => !before.includes(name))
      .map((name) => ({ breaks: true, where, what: `${name} is new: a switch over all is no longer complete` })),
    ...before.filter((name) => !after.includes(name)).map((name) => ({ breaks: false, where, what: `${name} is gone` })),
  ]
}

/** The differences as lines for people. */
export function report(changes: readonly Change[]): string {
  if (changes.length === 0) return 'The API is the same.'
  const lines = (breaks: boolean): string[] =>
    changes.filter((change) => change.breaks === breaks).map(({ where, what }) => `  ${where}: ${what}`)
  const broken = lines(true)
  const fine = lines(false)
  return [
    ...(broken.length > 0 ? [`Breaks callers (${broken.length}):`, ...broken] : ['Breaks no caller.']),
    ...(fine.length > 0 ? [`Changed without breaking (${fine.length}):`, ...fine] : []),
  ].join('\n')
}
