import { Validator } from '@seriousme/openapi-schema-validator'
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { z } from 'zod'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { statusOf } from '#lib/errors.ts'
import { startEdge, type Edge } from '../../../test/edge.ts'
import { at, callerOf, operationIn, type Caller } from '../../../test/openapi-client.ts'
import { startTestServer, type TestPerson, type TestServer } from '../../../test/server.ts'
import { appRouter } from '../../router.ts'
import { definitionOf } from '../../trpc/seal.ts'
import { docstrings } from './docstrings.ts'

const procedures = Object.entries<AnyTRPCProcedure>((appRouter as AnyTRPCRouter)._def.procedures)

let server: TestServer
let edge: Edge
let person: TestPerson
let stranger: Caller
let caller: Caller
beforeAll(async () => {
  server = await startTestServer()
  edge = await startEdge()
  person = await server.signUpAs('anna@example.com')
  stranger = await callerOf(server.url)
  caller = await callerOf(server.url, person.token)
})
afterAll(async () => {
  await edge.stop()
  await server.stop()
})

describe('the document', () => {
  test.each([
    ['the server', () => server.url],
    ['a router with files, dates, bigints and values that may be undefined', () => edge.url],
  ])('is OpenAPI 3.1 to a validator, for %s', async (_name, url) => {
    const validator = new Validator()
    const document = (await (await fetch(`${url()}/openapi.json`)).json()) as Record<string, unknown>
    expect(await validator.validate(document)).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
  })

  test.each(procedures)('%s stands in it with its text, its door, its schemas and its refusals', (path, procedure) => {
    const { type, meta } = definitionOf(procedure)
    const { operation, method } = operationIn(caller.document, path)
    expect(method).toBe(type === 'mutation' ? 'POST' : 'GET')
    expect(docstrings.procedures[path]?.text, 'its docstring').toBeTruthy()
    expect(operation).toMatchObject({ 'x-kind': type, 'x-access': meta?.access, summary: expect.any(String) })
    expect(operation.security).toEqual([...(meta?.access === 'anyone' ? [{}] : []), { cookie: [] }, { bearer: [] }])
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['200', 'default']))
    const takesNothing = definitionOf(procedure).inputs.at(-1) instanceof z.ZodVoid
    const hasInput =
      type === 'mutation' ? !JSON.stringify(operation.requestBody).includes('"maxProperties":0') : 'name' in (operation.parameters[0] ?? {})
    expect(hasInput, 'its input').toBe(!takesNothing)
  })

  test('every reference in it leads somewhere, and every component is used', () => {
    const text = JSON.stringify(caller.document)
    const refs = [...new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? ''))]
    for (const ref of refs) expect(at(caller.document, ref), ref).toBeDefined()
    const schemas = Object.keys(caller.document.components['schemas'] ?? {})
    expect(schemas.filter((name) => !refs.some((ref) => ref.startsWith(`#/components/schemas/${name}`)))).toEqual([])
  })

  test('every example in it fits its schema', () => {
    const faults: Record<string, string[]> = {}
    const walk = (value: unknown, pointer: string): void => {
      if (typeof value !== 'object' || value === null) return
      if ('schema' in value && 'example' in value && !pointer.includes('event-stream')) {
        const found = caller.faultsIn(`${pointer}/schema`, value.example)
        if (found.length > 0) faults[pointer] = found
      }
      for (const [key, inner] of Object.entries(value)) walk(inner, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    }
    walk(caller.document.paths, '#/paths')
    expect(faults).toEqual({})
  })

  test('says of every error code what it means, its status and its details', () => {
    for (const [code, status] of Object.entries(statusOf)) {
      expect(docstrings.errors[code], code).toBeTruthy()
      const data = at(caller.document, `#/components/schemas/Error.${code}/properties/error/properties/json/properties/data`)
      expect(data).toMatchObject({ properties: { code: { const: code }, httpStatus: { const: status } } })
    }
  })

  test('names no route that is not for callers', () => {
    expect(Object.keys(caller.document.paths)).toEqual(procedures.map(([path]) => `/trpc/${path}`).toSorted())
    expect(JSON.stringify(caller.document)).not.toMatch(/\/dev\/|\/metrics|\.ts\b/)
  })
})

describe('a caller that knows the document alone', () => {
  const key = { 'idempotency-key': 'a-key-of-sixteen-characters' }

  test('makes a team, reads it, lists it and changes it, and every answer is as the document says', async () => {
    const made = await caller.call('teams.create', { name: 'Blue', slug: 'blue' }, key)
    expect(made).toMatchObject({ status: 200, faults: [] })
    expect(await caller.call('teams.create', { name: 'Blue', slug: 'blue' }, key)).toEqual(made)
    const { result } = made.body as { result: { data: { json: { id: string } } } }
    const inTeam = { teamId: result.data.json.id }
    for (const path of ['teams.get', 'teams.member.list', 'teams.invitation.list', 'teams.activity.list'])
      expect(await caller.call(path, inTeam), path).toMatchObject({ status: 200, faults: [] })
    expect(await caller.call('teams.list', {})).toMatchObject({ status: 200, faults: [] })
    expect(await caller.call('auth.me')).toMatchObject({ status: 200, faults: [] })
    expect(await caller.call('auth.session.list', { limit: 5 })).toMatchObject({ status: 200, faults: [] })
    expect(await stranger.call('auth.signOut')).toMatchObject({ status: 200, faults: [] })
    const signedIn = await stranger.call('auth.signIn', { email: person.email, password: person.password, delivery: 'TOKEN' })
    expect(signedIn).toMatchObject({ status: 200, faults: [] })
  })

  test.each([
    ['auth.me', undefined, 401, 'UNAUTHORIZED'],
    ['auth.verifyEmail', { token: 'nonsense' }, 400, 'INVALID_TOKEN'],
    ['auth.signUp', { email: 'none' }, 400, 'BAD_REQUEST'],
  ] as const)('is refused as a stranger by %s %j with %i as the document says', async (path, input, status, code) => {
    const answer = await stranger.call(path, input)
    expect(answer).toMatchObject({ status, faults: [], body: { error: { json: { data: { code } } } } })
  })

  test('is refused with CONFLICT, NOT_FOUND and FORBIDDEN as the document says', async () => {
    const { body } = await caller.call('teams.create', { name: 'Green', slug: 'green' })
    const { id: teamId } = (body as { result: { data: { json: { id: string } } } }).result.data.json
    const taken = await caller.call('teams.create', { name: 'Green', slug: 'green' })
    expect(taken).toMatchObject({ status: 409, faults: [], body: { error: { json: { data: { details: { reason: 'NAME_TAKEN' } } } } } })
    const once = { 'idempotency-key': 'another-key-of-that-length' }
    await caller.call('teams.create', { name: 'Once', slug: 'once' }, once)
    const reused = await caller.call('teams.create', { name: 'Other', slug: 'other' }, once)
    expect(reused).toMatchObject({ status: 409, faults: [] })
    const other = await callerOf(server.url, (await server.signUpAs('other@example.com')).token)
    expect(await other.call('teams.get', { teamId })).toMatchObject({ status: 404, faults: [] })
    expect(await caller.call('teams.get', { teamId: 'x' })).toMatchObject({ status: 400, faults: [] })
    const me = await caller.call('auth.me')
    const { id: userId } = (me.body as { result: { data: { json: { id: string } } } }).result.data.json
    expect(await caller.call('teams.member.changeRole', { teamId, userId, role: 'MEMBER' })).toMatchObject({ status: 409, faults: [] })
  })

  test('watches a team: the events and the refusal of a stream are as the document says', async () => {
    const { body } = await caller.call('teams.create', { name: 'Live', slug: 'live' })
    const { id: teamId } = (body as { result: { data: { json: { id: string } } } }).result.data.json
    await caller.call('teams.invitation.create', { teamId, email: 'carl@example.com', role: 'MEMBER' })
    const place = `${operationIn(caller.document, 'teams.events').pointer}/responses/200/content/text~1event-stream`
    const events = await eventsOf(await caller.request('teams.events', { teamId }, { 'last-event-id': '0' }), 2)
    expect(events.map(({ event }) => event)).toEqual(['connected', 'message'])
    expect(caller.faultsIn(`${place}/x-itemSchema`, JSON.parse(events[1]?.data ?? ''))).toEqual([])
    const refused = await eventsOf(await stranger.request('teams.events', { teamId }), 2)
    expect(refused.map(({ event }) => event)).toEqual(['connected', 'serialized-error'])
    expect(caller.faultsIn(`${place}/x-errorSchema`, JSON.parse(refused[1]?.data ?? ''))).toEqual([])
  })

  test('an answer that the document does not say is found', async () => {
    const { pointer } = operationIn(caller.document, 'auth.me')
    const schema = `${pointer}/responses/200/content/application~1json/schema`
    expect(caller.faultsIn(schema, { result: { data: { json: { id: 'tz4a98xxat96iws9zmbrgj3a' } } } })).not.toEqual([])
    expect(
      caller.faultsIn('#/components/schemas/Error', { error: { json: { code: 1, message: 'x', data: { code: 'NEW' } } } }),
    ).not.toEqual([])
  })
})

describe('values that JSON has no type for', () => {
  test('stand in the document as they travel', async () => {
    const odd = await callerOf(edge.url)
    const input = { at: '2026-01-31T09:30:00.000Z', big: '12345678901234567890', text: null }
    const meta = { values: { at: ['Date'], big: ['bigint'], text: ['undefined'] }, v: 1 }
    const { pointer, path } = operationIn(odd.document, 'echo')
    const answer = await fetch(`${edge.url}${path}?input=${encodeURIComponent(JSON.stringify({ json: input, meta }))}`)
    const body = (await answer.json()) as { result: { data: unknown } }
    expect(body.result.data).toEqual({ json: input, meta })
    expect(odd.faultsIn(`${pointer}/parameters/0/content/application~1json/schema`, { json: input, meta })).toEqual([])
    expect(odd.faultsIn(`${pointer}/responses/200/content/application~1json/schema`, body)).toEqual([])
  })

  test('files are parts of a form, the rest is one part', async () => {
    const { document } = await callerOf(edge.url)
    const { operation } = operationIn(document, 'upload')
    const content = operation.requestBody?.content ?? {}
    expect(Object.keys(content)).toEqual(['multipart/form-data'])
    const { schema } = content['multipart/form-data'] as { schema: { properties: object; required: string[] } }
    expect(Object.keys(schema.properties)).toEqual(['input', 'file', 'others[]'])
    expect(schema.required).toEqual(['input', 'file'])
    const form = new FormData()
    form.append('input', JSON.stringify({ json: { title: 'Two' } }))
    form.append('file', new File(['a'], 'a.txt'))
    form.append('others[]', new File(['b'], 'b.txt'))
    const answer = await fetch(`${edge.url}/trpc/upload`, { method: 'POST', body: form })
    expect(await answer.json()).toMatchObject({ result: { data: { json: { texts: ['a', 'b'] } } } })
  })
})

/** The first events of a stream. */
async function eventsOf(response: Response, count: number): Promise<{ event: string; data: string }[]> {
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const events: { event: string; data: string }[] = []
  let text = ''
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk
    const blocks = text.split('\n\n').filter((block) => block.includes('data: '))
    events.splice(0, events.length, ...blocks.map(eventIn))
    if (events.length >= count) break
  }
  return events.slice(0, count)
}

function eventIn(block: string): { event: string; data: string } {
  return { event: /^event: (.*)$/m.exec(block)?.[1] ?? 'message', data: /^data: (.*)$/m.exec(block)?.[1] ?? '' }
}
