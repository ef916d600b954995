/** A page of instructions, done literally: what it says to run is run, what it says to write is written. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** One thing that the page says to do. */
export type Step =
  | { readonly kind: 'run'; readonly script: string; readonly args: readonly string[] }
  | { readonly kind: 'change'; readonly file: string; readonly before: string; readonly after: string }
  | { readonly kind: 'write'; readonly file: string; readonly text: string }

const blocks = /(?:(In|New file) `([^`\n]+)`:\n\n)?^```(sh|diff|ts)\n(.*?)^```$/gms

/** Reads the steps of a page in their order. */
export function stepsOf(page: string): Step[] {
  return [...page.matchAll(blocks)].flatMap(([, says, file = '', language, text = '']) => {
    if (language === 'sh') return text.trim().split('\n').map(commandOf)
    if (says === 'New file') return [{ kind: 'write', file, text } as const]
    if (says !== 'In' || language !== 'diff') throw new Error(`It is not said where this belongs:\n${text}`)
    return [{ kind: 'change', file, before: sideOf(text, '-'), after: sideOf(text, '+') } as const]
  })
}

function commandOf(line: string): Step {
  const [, script, args] = /^npx pnpm@12 ([\w:]+)(?: (.*))?$/.exec(line) ?? []
  if (script === undefined) throw new Error(`This is no command of ours: ${line}`)
  return { kind: 'run', script, args: args?.split(' ') ?? [] }
}

function sideOf(diff: string, sign: '-' | '+'): string {
  const lines = diff.split('\n').filter((line) => line.startsWith(sign) || line.startsWith(' '))
  return lines.map((line) => `${line.slice(1)}\n`).join('')
}

/** Does what a step says to a file. @throws where the text to change is not there exactly once */
export function edit(folder: string, step: Exclude<Step, { kind: 'run' }>): void {
  const path = join(folder, step.file)
  if (step.kind === 'write') {
    mkdirSync(dirname(path), { recursive: true })
    return writeFileSync(path, step.text, { flag: 'wx' })
  }
  const parts = readFileSync(path, 'utf8').split(step.before)
  if (parts.length !== 2) throw new Error(`${step.file} has this ${parts.length - 1} times:\n${step.before}`)
  writeFileSync(path, parts.join(step.after))
}
