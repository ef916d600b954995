import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as ids from '#lib/ids.ts'
import { startEdge, type Edge } from '../../../test/edge.ts'
import { edgeRouter } from '../../../test/fixtures/edge-router.ts'
import { appRouter } from '../../router.ts'
import { article } from './article.ts'
import { describeProcedures } from './procedures.ts'
import { samplesOf } from './samples.ts'
import { schemasOf } from './schemas.ts'

const root = join(import.meta.dirname, '../../../..')
const PUBLIC = 'https://plinth.example.com'
const procedures = describeProcedures(appRouter)
const schemas = schemasOf(procedures)

let edge: Edge
let page: Response
let html: string
let list: string
beforeAll(async () => {
  edge = await startEdge({}, appRouter)
  page = await fetch(`${edge.url}/docs`)
  html = await page.text()
  list = await (await fetch(`${edge.url}/llms.txt`)).text()
})
afterAll(() => edge.stop())

test.each(procedures)('$path is on the page, in the navigation and in llms.txt, with its door', ({ path, kind, access, text }) => {
  const own = html.slice(html.indexOf(`<article id="${path}"`))
  expect(html).toContain(`<a href="#${path}" data-text=`)
  expect(own.slice(0, own.indexOf('</article>'))).toContain(`<li>${access}</li>`)
  expect(list).toMatch(new RegExp(`^- \\[${path.replaceAll('.', '\\.')}\\]\\(\\S+\\): ${kind}, ${access}\\. \\w`, 'm'))
  expect(text).not.toBe('')
})

test('the page needs nothing but itself: its style and its script are those that its policy names, and nothing comes from elsewhere', () => {
  const policy = page.headers.get('content-security-policy') ?? ''
  const hash = (tag: string) =>
    `'sha256-${createHash('sha256')
      .update(between(html, `<${tag}>`, `</${tag}>`))
      .digest('base64')}'`
  expect(policy).toContain(`style-src ${hash('style')};`)
  expect(policy).toContain(`script-src ${hash('script')};`)
  expect(policy).toMatch(/^default-src 'none'; /)
  expect(html.match(/<(?:style|script)\b/g)).toHaveLength(2)
  expect(html).not.toMatch(/\s(?:src|srcset|style|on\w+)="|@import|url\(/)
  const links = [...html.matchAll(/href="([^"]+)"/g)].map(([, address = '']) => address)
  expect(links.filter((address) => !address.startsWith('#'))).toEqual(['/openapi.json', '/llms.txt'])
})

test('every link within the page leads somewhere', () => {
  const targets = new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))
  const links = [...html.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id)
  expect(links.filter((id) => !targets.has(id))).toEqual([])
})

test('neither tells of routes and files that are not for callers', () => {
  for (const text of [html, list]) expect(text).not.toMatch(/\/dev\/|\/metrics|\w\.ts\b|decision \d/)
})

test('what a schema or a docstring says is text, never markup', () => {
  const [some] = procedures
  if (!some) throw new Error('there are procedures')
  const hostile = { ...some, text: '<img src=x> & `<b>`', refusals: [{ code: 'NOT_FOUND' as const, when: '<i>', isOwn: true }] }
  const own = article(hostile, schemas, PUBLIC)
  expect(own).not.toMatch(/<img|<i>/)
  expect(own).toContain('&#60;img src=x&#62;')
})

// The compiler reads the whole server for it: 5 s of a core, and minutes where twenty others want the same two.
test('every sample for the typed client compiles', { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(mkdirOf('.plinth'), 'samples-'))
  const samples = procedures.map((procedure) => samplesOf(procedure, schemas, PUBLIC).client)
  const names = Object.keys(ids).filter((name) => samples.some((sample) => sample.includes(`${name}.of(`)))
  const head = `import { createClient, ${names.join()} } from '../../client/src/index.ts'\nconst plinth = createClient({ url: '' })\nvoid [${names.join()}]\n`
  writeFileSync(join(folder, 'samples.ts'), `${head}export async function all(file: File) {\nvoid file\n${samples.join('\n')}\n}\n`)
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', include: ['samples.ts'], exclude: [] }))
  const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder, '--pretty', 'false'], {
    encoding: 'utf8',
  })
  rmSync(folder, { recursive: true })
  // What of the server this leaves out is for `pnpm check` to judge.
  expect(tsc.stdout.split('\n').filter((line) => !line.startsWith('server/'))).toEqual([''])
  expect(tsc.stderr).toBe('')
})

test('the samples of a call with files hold the files, as a field for the client and as a part for curl', () => {
  const odd = describeProcedures(edgeRouter)
  const upload = odd.find(({ path }) => path === 'upload')
  if (!upload) throw new Error('the router takes files')
  const { client, curl } = samplesOf(upload, schemasOf(odd), PUBLIC)
  expect(client).toContain('file: file')
  expect(curl).toContain(`-F 'input={"json":{"title":"text"}}'`)
  expect(curl).toContain(`-F 'file=@file'`)
})

function between(text: string, from: string, to: string): string {
  return text.slice(text.indexOf(from) + from.length, text.indexOf(to))
}

function mkdirOf(name: string): string {
  const folder = join(root, name)
  mkdirSync(folder, { recursive: true })
  return folder
}
