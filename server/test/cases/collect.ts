/** Which tests say that they try a case: read from their names, without running anything. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The top of the workspace. */
export const root = join(import.meta.dirname, '../../..')

export interface NumberedTest {
  /** From the top of the workspace. */
  readonly file: string
  readonly ids: readonly string[]
  /** As it stands in the file, with its numbers. */
  readonly name: string
}

/** A string that begins with numbers of cases: a test's name, or that of its group. */
const name = /(['"`])((?:[A-Z]\d{2} )+\S(?:\\.|(?!\1)[^\\])*)\1/g

/** Gives the numbers that a name begins with. */
export function idsIn(text: string): string[] {
  return (/^(?:[A-Z]\d{2} )+/.exec(text)?.[0] ?? '').split(' ').filter((id) => id !== '')
}

/** Finds the tests of a text that begin with numbers of cases. */
export function testsIn(file: string, text: string): NumberedTest[] {
  return [...text.matchAll(name)].map(([, , found = '']) => ({ file, ids: idsIn(found), name: found.replaceAll(/\\(.)/g, '$1') }))
}

/** Finds them in every test file of the server and the client. */
export function numberedTests(): NumberedTest[] {
  return ['server/src', 'server/test', 'client'].flatMap(testFiles).flatMap((file) => testsIn(file, readFileSync(join(root, file), 'utf8')))
}

function testFiles(folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true })
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name === 'dist' ? [] : testFiles(path)
    return entry.name.endsWith('.test.ts') && path !== 'server/test/cases/cases.test.ts' ? [path] : []
  })
}
