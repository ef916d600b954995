import { expect, test, vi } from 'vitest'
import { Hono } from 'hono'
import { divertLog } from '#lib/log.ts'
import { startEdge } from '../../test/edge.ts'
import { atMostEvery, livez, readyz } from './health.ts'
import type { Environment } from './request.ts'

test('the process is alive and ready, until it drains; then it is alive and says that traffic may not come', async () => {
  const edge = await startEdge()
  const ask = async (path: string) => {
    const answer = await fetch(edge.url + path)
    return [answer.status, await answer.json(), answer.headers.get('connection')]
  }
  expect(await ask('/livez')).toEqual([200, { status: 'ok' }, 'keep-alive'])
  expect(await ask('/readyz')).toEqual([200, { status: 'ok', checks: { database: 'ok', traffic: 'ok' } }, 'keep-alive'])
  edge.app.drain()
  expect(await ask('/livez')).toEqual([200, { status: 'ok' }, 'close'])
  expect(await ask('/readyz')).toEqual([503, { status: 'unavailable', checks: { database: 'ok', traffic: 'failed' } }, 'close'])
  await edge.stop()
})

test('a check that fails, and one that hangs, is named without its reason, which is in the log once', async () => {
  const lines: { check?: string; error?: { message: string } }[] = []
  const restore = divertLog({ write: (line) => void lines.push(JSON.parse(line)) })
  const app = new Hono<Environment>()
  const broken = async () => Promise.reject(new Error('password authentication failed for user "plinth" at 10.0.0.7'))
  app.get('/livez', livez)
  app.get('/readyz', readyz({ database: broken, hanging: () => new Promise(() => {}), good: async () => undefined }))
  const answer = await app.request('/readyz')
  expect(answer.status).toBe(503)
  expect(await answer.json()).toEqual({ status: 'unavailable', checks: { database: 'failed', hanging: 'failed', good: 'ok' } })
  expect((await app.request('/livez')).status).toBe(200)
  await app.request('/readyz')
  restore()
  expect(lines.map(({ check, error }) => [check, error?.message])).toEqual([
    ['database', 'password authentication failed for user "plinth" at 10.0.0.7'],
    ['hanging', 'No answer within 2000 ms'],
  ])
})

test('a check is made once in its time, however many ask', async () => {
  const check = vi.fn(() => Promise.reject(new Error('down')))
  const seldom = atMostEvery(100, check)
  for (let count = 0; count < 50; count++) await expect(seldom()).rejects.toThrow('down')
  expect(check).toHaveBeenCalledTimes(1)
  await new Promise((resolve) => setTimeout(resolve, 110))
  await expect(seldom()).rejects.toThrow('down')
  expect(check).toHaveBeenCalledTimes(2)
})
