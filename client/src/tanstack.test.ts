import { InfiniteQueryObserver, MutationObserver, QueryClient, QueryObserver } from '@tanstack/query-core'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import { startEdge, type Edge } from '../../server/test/edge.ts'
import { executed } from '../../server/test/fixtures/edge-router.ts'
import { startTestServer, type TestPerson, type TestServer } from '../../server/test/server.ts'
import { isAppError, type Client, type RouterOutputs } from './index.ts'
import { infiniteQueryOptions, keyOf, mutationOptions, queryOptions } from './tanstack.ts'

let server: TestServer
let edge: Edge
let anna: TestPerson
beforeAll(async () => {
  server = await startTestServer()
  edge = await startEdge()
  anna = await server.signUpAs('anna@example.com')
})
afterAll(async () => {
  await edge.stop()
  await server.stop()
})

describe('a query', () => {
  test('is cached under the name of its procedure and its input, and typed as its output', async () => {
    const cache = new QueryClient()
    const { id } = await anna.client.teams.create.mutate({ name: 'Blue', slug: 'blue' })
    const team = await cache.fetchQuery(queryOptions(anna.client.teams.get, { teamId: id }))
    expectTypeOf(team).toEqualTypeOf<RouterOutputs['teams']['get']>()
    expect(team.slug).toBe('blue')
    expect(cache.getQueryData(queryOptions(anna.client.teams.get, { teamId: id }).queryKey)).toBe(team)
    expect(
      cache
        .getQueryCache()
        .getAll()
        .map(({ queryKey }) => queryKey),
    ).toEqual([['plinth', 'teams', 'get', 'query', { json: { teamId: id } }]])
  })

  test('needs no input where its procedure takes none, and the right one where it takes one', async () => {
    const cache = new QueryClient()
    const me = await cache.fetchQuery(queryOptions(anna.client.auth.me))
    expectTypeOf(me).toEqualTypeOf<RouterOutputs['auth']['me']>()
    const wrong = (client: Client) => [
      // @ts-expect-error the input is missing
      queryOptions(client.teams.get),
      // @ts-expect-error not an input of this procedure
      queryOptions(client.teams.get, { id: 'a' }),
      // @ts-expect-error no query
      queryOptions(client.teams.create, { name: 'a', slug: 'a' }),
      // @ts-expect-error no pages
      infiniteQueryOptions(client.teams.get, { teamId: 'a' }),
    ]
    expect(wrong).toBeDefined()
  })

  test('has one key for one input, whatever is in it, and another for another', () => {
    const key = (input: Parameters<ReturnType<Edge['client']>['echo']['query']>[0]) =>
      JSON.stringify(queryOptions(edge.client().echo, input).queryKey)
    expect(key({ at: new Date(1), big: 1n })).toBe(key({ at: new Date(1), big: 1n }))
    expect(new Set([key({ at: new Date(1) }), key({ at: new Date(2) }), key({ big: 1n }), key({ big: 2n }), key({})]).size).toBe(5)
  })

  test('is renewed by its service, its procedure or itself', async () => {
    const cache = new QueryClient()
    const client = edge.client('token-anna')
    const asked = [new Date(1), new Date(2)].map((at) => queryOptions(client.echo, { at }))
    for (const options of asked) await cache.fetchQuery(options)
    await cache.fetchQuery(queryOptions(client.tenRows))
    const stale = () => cache.getQueryCache().findAll({ stale: true, predicate: ({ state }) => state.isInvalidated }).length
    await cache.invalidateQueries({ queryKey: asked[0]?.queryKey ?? [] })
    expect(stale()).toBe(1)
    await cache.invalidateQueries({ queryKey: keyOf(client.echo) })
    expect(stale()).toBe(2)
    await cache.invalidateQueries({ queryKey: keyOf(client) })
    expect(stale()).toBe(3)
  })

  test('that nobody waits for any more is aborted, down to the server', async () => {
    executed.splice(0)
    const cache = new QueryClient()
    const observer = new QueryObserver(cache, queryOptions(edge.client().after, { ms: 300 }))
    const leave = observer.subscribe(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 100))
    leave()
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(executed).toMatchObject([{ procedure: 'after', input: { wasLeft: true } }])
  })

  test('that is refused says why, after one try', async () => {
    const cache = new QueryClient()
    let requests = 0
    const counting: typeof fetch = (...args) => (requests++, fetch(...args))
    const error = await new Promise((resolve) => {
      const observer = new QueryObserver(cache, queryOptions(edge.client(undefined, counting).whoAmI))
      observer.subscribe((result) => result.isError && resolve(result.error))
    })
    expect([isAppError(error, 'UNAUTHORIZED'), requests]).toEqual([true, 1])
  })
})

test('a list goes on from page to page, to its end', async () => {
  const ben = await server.signUpAs('ben@example.com')
  for (const slug of ['one', 'two', 'three']) await ben.client.teams.create.mutate({ name: slug, slug })
  const list = new InfiniteQueryObserver(new QueryClient(), infiniteQueryOptions(ben.client.teams.list, { limit: 2 }))
  const leave = list.subscribe(() => undefined)
  await list.refetch()
  const { data, hasNextPage } = await list.fetchNextPage()
  leave()
  expectTypeOf(data?.pages[0]?.items[0]?.createdAt).toEqualTypeOf<Date | undefined>()
  expect(data?.pages.map(({ items }) => items.length)).toEqual([2, 1])
  expect(data?.pages.flatMap(({ items }) => items.map(({ slug }) => slug)).toSorted()).toEqual(['one', 'three', 'two'])
  expect(hasNextPage).toBe(false)
})

test('a mutation is made once for each time that it is asked for, typed in and out', async () => {
  const create = new MutationObserver(new QueryClient(), mutationOptions(anna.client.teams.create))
  const team = await create.mutate({ name: 'Red', slug: 'red' })
  expectTypeOf(team).toEqualTypeOf<RouterOutputs['teams']['create']>()
  const error = await create.mutate({ name: 'Red', slug: 'red' }).catch((thrown: unknown) => thrown)
  expect(isAppError(error, 'CONFLICT')).toBe(true)
  // @ts-expect-error not what it takes
  expect(isAppError(await create.mutate({ name: 7 }).catch((thrown: unknown) => thrown), 'BAD_REQUEST')).toBe(true)
})

test('what is no part of a client has no key', () => {
  expect(() => keyOf({})).toThrow(/no part of a client/)
})
