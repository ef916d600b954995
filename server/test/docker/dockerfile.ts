/** Reads a Dockerfile and carries out its steps as a script, a folder for each stage: what an engine would do, without its walls and without its base image. */
import { execFile } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A stage as its last step left it. */
export interface Stage {
  /** The folder that stands for `/`. */
  readonly folder: string
  readonly env: Record<string, string>
  workdir: string
  user: string
  command: string[]
  health: string[]
  stopSignal: string
  ports: string[]
}

interface Step {
  readonly instruction: string
  readonly text: string
}

/** Lists the steps: comments are left out and continued lines joined. */
export function stepsOf(dockerfile: string): Step[] {
  const lines = dockerfile
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, instruction = '', text = ''] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? []
      return { instruction: instruction.toUpperCase(), text }
    })
}

/**
 * Builds every stage below `place`, with `context` as the files that the build may see, and gives the last one. Whatever stands in no stage is
 * this machine's: Node, npx, the shell and the packages that were downloaded before.
 */
export async function build(dockerfile: string, context: string, place: string): Promise<Stage> {
  const stages = new Map<string, Stage>()
  let stage: Stage | undefined
  for (const { instruction, text } of stepsOf(dockerfile)) {
    if (instruction === 'FROM') {
      stage = await begin(text, stages, place)
      continue
    }
    if (!stage) throw new Error('A Dockerfile begins with FROM')
    const step = instructions[instruction]
    if (!step) throw new Error(`${instruction} is not known here: teach it to ${import.meta.filename}`)
    await step(stage, text, { stages, context })
  }
  if (!stage) throw new Error('The Dockerfile is empty')
  return stage
}

async function begin(text: string, stages: Map<string, Stage>, place: string): Promise<Stage> {
  const [, image = '', name = `${stages.size}`] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(text) ?? []
  const folder = join(place, name)
  const before = stages.get(image)
  if (before) await run('cp', ['-a', before.folder, folder])
  else mkdirSync(folder)
  const fresh = { workdir: '/', user: 'root', command: [], health: [], stopSignal: 'SIGTERM', ports: [], ...before }
  const stage = { ...fresh, folder, env: { ...before?.env } }
  stages.set(name, stage)
  return stage
}

type Instruction = (stage: Stage, text: string, around: { stages: Map<string, Stage>; context: string }) => void | Promise<void>

const instructions: Record<string, Instruction> = {
  WORKDIR(stage, text) {
    stage.workdir = text
    mkdirSync(join(stage.folder, text), { recursive: true })
  },
  ENV(stage, text) {
    const [name = '', value = ''] = text.split('=', 2)
    stage.env[name] = value
  },
  COPY: copy,
  async RUN(stage, text) {
    // An absolute path would be one of this machine.
    if (/(^|[\s'"=])\/\w/.test(text)) throw new Error(`RUN with an absolute path: ${text}`)
    await run('sh', ['-ec', text], { cwd: join(stage.folder, stage.workdir), env: { ...machine, ...stage.env }, maxBuffer: 2 ** 26 })
  },
  USER: (stage, text) => void (stage.user = text),
  EXPOSE: (stage, text) => void stage.ports.push(text),
  STOPSIGNAL: (stage, text) => void (stage.stopSignal = text),
  HEALTHCHECK: (stage, text) => void (stage.health = JSON.parse(text.slice(text.indexOf('['))) as string[]),
  CMD: (stage, text) => void (stage.command = JSON.parse(text) as string[]),
}

/** What a step finds in its environment: the way to Node, a home for the store of packages, and how this machine reaches the registry. */
const passed = /^(HOME|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|https?_proxy|no_proxy|npm_config_registry)$/i
const machine = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => passed.test(name))),
  PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
}

/** As Docker does: the content of a folder is copied, not the folder; a file keeps its name where the target is a folder. */
async function copy(stage: Stage, text: string, { stages, context }: { stages: Map<string, Stage>; context: string }): Promise<void> {
  const [, from, rest = ''] = /^(?:--from=(\S+)\s+)?(.*)$/.exec(text) ?? []
  const source = from === undefined ? context : stages.get(from)?.folder
  if (source === undefined) throw new Error(`There is no stage ${from}`)
  const paths = rest.split(/\s+/)
  const target = paths.pop() ?? ''
  const to = join(stage.folder, target.startsWith('/') ? '' : stage.workdir, target)
  for (const path of paths) {
    const found = globSync(path.replace(/^\//, ''), { cwd: source })
    if (found.length === 0) throw new Error(`COPY ${path}: there is no such file in ${from ?? 'the context'}`)
    for (const file of found) await copyOne(join(source, file), to, target.endsWith('/'))
  }
}

async function copyOne(from: string, to: string, intoFolder: boolean): Promise<void> {
  if (statSync(from).isDirectory()) {
    mkdirSync(to, { recursive: true })
    await run('cp', ['-a', `${from}/.`, to])
    return
  }
  mkdirSync(intoFolder ? to : dirname(to), { recursive: true })
  cpSync(from, intoFolder ? join(to, basename(from)) : to)
}

/** Gives whether a path is let into the build by a .dockerignore: of the lines that match it or a folder above it, the last one counts. */
export function admits(dockerignore: string): (path: string) => boolean {
  const rules = dockerignore
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ lets: line.startsWith('!'), pattern: patternOf(line.replace('!', '')) }))
  return (path) => rules.findLast(({ pattern }) => pattern.test(path))?.lets ?? true
}

/** `**` stands for any folders, `*` for what is within one; a folder stands for all that is in it. */
function patternOf(glob: string): RegExp {
  const source = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('**/', '(FOLDERS)')
    .replaceAll('*', '[^/]*')
    .replaceAll('(FOLDERS)', '(?:.*/)?')
  return new RegExp(`^${source}(?:/|$)`)
}

/** Reads a file of the repository. */
export function readRoot(path: string): string {
  return readFileSync(join(import.meta.dirname, '../../..', path), 'utf8')
}
