import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEdge } from '../../test/edge.ts'
import { startTestServer, type TestPerson, type TestServer } from '../../test/server.ts'

const TOKEN = 'a token that reads the figures'
let server: TestServer
let anna: TestPerson

beforeAll(async () => {
  server = await startTestServer({ env: { METRICS_TOKEN: TOKEN, LOG_LEVEL: 'silent' } })
  anna = await server.signUpAs('anna@example.com')
})
afterAll(() => server.stop())

async function scrape(url = server.url, token = TOKEN): Promise<string> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return answer.text()
}

/** The value of one line of the answer; undefined where it is not there. */
function valueOf(text: string, series: string): number | undefined {
  const found = text.split('\n').find((each) => each.startsWith(`${series} `))
  return found === undefined ? undefined : Number(found.slice(series.length + 1))
}

test('without the token the figures are refused, and where none is configured there is no such page', async () => {
  for (const authorization of ['', TOKEN, `Bearer ${TOKEN}x`, 'Bearer ', `bearer  ${TOKEN}`]) {
    const answer = await fetch(`${server.url}/metrics`, { headers: { authorization } })
    expect([authorization, answer.status]).toEqual([authorization, 401])
    expect(await answer.text()).not.toContain('plinth_')
  }
  const closed = await startEdge()
  for (const authorization of ['', 'Bearer ', 'Bearer undefined']) {
    expect((await fetch(`${closed.url}/metrics`, { headers: { authorization } })).status).toBe(404)
  }
  await closed.stop()
})

test('every figure that is documented is shown, and every one that is shown is documented', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/operations.md'), 'utf8')
  const documented = [...page.matchAll(/^\| `(plinth_\w+)` \| ([\w, ]*)\|/gm)].map(([, name, labels]) => `${name} ${labels?.trim()}`)
  const text = await scrape()
  const shown = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name ?? '')
  expect(documented.map((each) => each.split(' ', 1)[0]).toSorted()).toEqual(shown.toSorted())
  for (const entry of documented) {
    const [name, ...labels] = entry.split(/[ ,]+/)
    const series = text.split('\n').filter((each) => each.startsWith(`${name}{`) || each.startsWith(`${name}_count{`))
    for (const each of series) expect([...each.matchAll(/(\w+)="/g)].map(([, label]) => label)).toEqual(labels.filter(Boolean))
  }
})

test('calls are counted by procedure and answer, each of a batch by itself, and unknown names are no labels', async () => {
  const before = await scrape()
  const grown = (after: string, series: string) => (valueOf(after, series) ?? 0) - (valueOf(before, series) ?? 0)
  await Promise.all([anna.client.auth.me.query(), anna.client.auth.me.query()])
  await server
    .client()
    .auth.me.query()
    .catch(() => undefined)
  for (const path of ['no.such.procedure', 'constructor', '__proto__', 'auth.signOut']) await fetch(`${server.url}/trpc/${path}`)
  await anna.client.teams.create.mutate({ name: 'B', slug: 'not a slug' }).catch(() => undefined)
  const after = await scrape()
  expect(grown(after, 'plinth_calls_total{procedure="auth.me",code="OK"}')).toBe(2)
  expect(grown(after, 'plinth_calls_total{procedure="auth.me",code="UNAUTHORIZED"}')).toBe(1)
  expect(grown(after, 'plinth_calls_total{procedure="teams.create",code="BAD_REQUEST"}')).toBe(1)
  expect(grown(after, 'plinth_calls_total{procedure="none",code="NOT_FOUND"}')).toBe(3)
  expect(grown(after, 'plinth_calls_total{procedure="none",code="METHOD_NOT_SUPPORTED"}')).toBe(1)
  expect(grown(after, 'plinth_call_duration_seconds_count{procedure="auth.me"}')).toBe(3)
  expect(after).not.toMatch(/such|__proto__|constructor/)
})

test('buckets hold what is at most their bound, and the last holds all', async () => {
  const text = await scrape()
  const buckets = [...text.matchAll(/^plinth_call_duration_seconds_bucket\{procedure="auth.me",le="([^"]+)"\} (\d+)$/gm)]
  const counts = buckets.map(([, , count]) => Number(count))
  expect(buckets.at(-1)?.[1]).toBe('+Inf')
  expect(counts).toEqual(counts.toSorted((a, b) => a - b))
  expect(counts.at(-1)).toBe(valueOf(text, 'plinth_call_duration_seconds_count{procedure="auth.me"}'))
})

test('pools, outboxes, queues, streams and the process are told of', async () => {
  const team = await anna.client.teams.create.mutate({ name: 'Blue', slug: 'blue' })
  const subscription = anna.client.teams.events.subscribe({ teamId: team.id }, { onData: () => undefined })
  await expect.poll(async () => valueOf(await scrape(), 'plinth_streams_open'), { timeout: 10_000 }).toBe(1)
  const text = await scrape()
  expect(valueOf(text, 'plinth_pool_connections_most{pool="calls"}')).toBe(5)
  expect(valueOf(text, 'plinth_pool_waiting{pool="calls"}')).toBe(0)
  expect(valueOf(text, 'plinth_outbox_waiting{service="teams"}')).toBeTypeOf('number')
  expect(valueOf(text, 'plinth_outbox_oldest_seconds{service="auth"}')).toBeTypeOf('number')
  expect(valueOf(text, 'plinth_listening')).toBe(1)
  expect(valueOf(text, 'plinth_sessions_remembered')).toBeGreaterThan(0)
  expect(valueOf(text, 'plinth_password_hashes{state="waiting"}')).toBe(0)
  expect(valueOf(text, 'plinth_event_loop_lag_seconds{quantile="0.99"}')).toBeLessThan(5)
  expect(valueOf(text, 'plinth_memory_bytes{kind="resident"}')).toBeGreaterThan(1e7)
  expect(valueOf(text, 'plinth_query_duration_seconds_count{outcome="done"}')).toBeGreaterThan(10)
  await expect.poll(() => scrape(), { timeout: 10_000 }).toMatch(/^plinth_job_runs_total\{queue="[\w.]+",outcome="done"\} [1-9]/m)
  subscription.unsubscribe()
  await expect.poll(async () => valueOf(await scrape(), 'plinth_streams_open'), { timeout: 10_000 }).toBe(0)
})
