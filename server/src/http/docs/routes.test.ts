import { expect, test } from 'vitest'
import { startEdge } from '../../../test/edge.ts'
import { appRouter } from '../../router.ts'
import { describeProcedures } from './procedures.ts'
import { schemasOf } from './schemas.ts'

const documents = ['/openapi.json', '/docs', '/llms.txt']

test.each([
  [{ NODE_ENV: 'development' }, 200],
  [{ NODE_ENV: 'production' }, 404],
  [{ NODE_ENV: 'production', API_DOCS: 'on' }, 200],
  [{ NODE_ENV: 'development', API_DOCS: 'off' }, 404],
])('with %j the documents answer %i, and the front page names them only then', async (env, status) => {
  const edge = await startEdge(env)
  for (const path of documents) expect((await fetch(edge.url + path)).status, path).toBe(status)
  const front = await (await fetch(edge.url, { headers: { accept: 'text/html' } })).text()
  expect(front.includes('/openapi.json')).toBe(status === 200)
  await edge.stop()
})

test('a document is sent once: whoever shows its tag is told that it is the same', async () => {
  const edge = await startEdge()
  for (const path of documents) {
    const first = await fetch(edge.url + path)
    const etag = first.headers.get('etag') ?? ''
    expect(first.headers.get('cache-control')).toBe('no-cache')
    const again = await fetch(edge.url + path, { headers: { 'if-none-match': `"other", W/${etag}` } })
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag])
    expect((await fetch(edge.url + path, { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
  }
  await edge.stop()
})

test('a schema whose meaning differs between those who send and those who get has two names', () => {
  const [procedure] = describeProcedures(appRouter).filter(({ path }) => path === 'teams.list')
  if (!procedure?.input) throw new Error('teams.list has an input')
  const both = { ...procedure, output: procedure.input, names: { input: 'teams.ListTeams', output: 'teams.ListTeams' } }
  const { named, inputs } = schemasOf([both])
  expect(inputs.get('teams.list')).toEqual({ $ref: '#/components/schemas/teams.ListTeams.Input' })
  expect(named['teams.ListTeams']?.required).toEqual(['limit', 'deleted'])
  expect(named['teams.ListTeams.Input']?.required).toBeUndefined()
})
