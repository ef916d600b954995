import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { listening, type Listening } from '../../test/providers/listening.ts'
import { createCircuit } from './circuit.ts'
import { advanceClock } from './clock.ts'
import { isAppError } from './errors.ts'
import { isPublicAddress } from './network-address.ts'
import { callOutside, OutboundError, useOutbound } from './outbound.ts'

let inner: Listening
beforeAll(async () => {
  inner = await listening(({ form }) => ({ json: { form: Object.fromEntries(form) } }))
})
afterAll(() => inner.stop())

const ours = () => useOutbound({ PRIVATE_HOSTS: [inner.host], OUTBOUND_TIMEOUT_MS: 400 })
const nobodys = () => useOutbound({ PRIVATE_HOSTS: [], OUTBOUND_TIMEOUT_MS: 400 })

/** What a call came to: the status, or the sentence of its refusal. */
const outcome = (url: string) =>
  callOutside(url).then(
    ({ status }) => status,
    (error: unknown) => (error instanceof OutboundError ? error.message : error),
  )

test('O10 an address of our own network is not called, however it is written, and not by http', async () => {
  nobodys()
  const port = new URL(inner.url).port
  for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '127.1', '[::1]', '[::ffff:127.0.0.1]', '[::]', '0.0.0.0', 'localhost']) {
    for (const scheme of ['http', 'https']) expect.soft(await outcome(`${scheme}://${host}:${port}/x`)).toMatch(/may not be called$/)
  }
  for (const host of [
    '169.254.169.254',
    '10.1.2.3',
    '192.168.0.1',
    '172.16.0.1',
    '100.64.0.1',
    '[fd00::1]',
    '[fe80::1]',
    '[64:ff9b::a00:1]',
  ])
    expect.soft(await outcome(`https://${host}/latest/meta-data`)).toMatch(/may not be called$/)
  for (const url of ['http://example.com/', 'file:///etc/passwd', 'https://user:password@example.com/'])
    expect.soft(await outcome(url)).toMatch(/may not be called$/)
  expect(inner.asked).toEqual([])
})

test('O10 a name is looked up once, by the connection: one that leads inside, among others or the second time, is not called', async () => {
  nobodys()
  const port = new URL(inner.url).port
  const answers = [['127.0.0.1'], ['93.184.216.34', '127.0.0.1'], ['::ffff:127.0.0.1']]
  let lookups = 0
  const lookUp = vi.spyOn(dns, 'lookup').mockImplementation(((_: string, __: object, done: (error: null, found: object[]) => void) => {
    const found = answers[lookups++] ?? []
    done(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }) as never)
  syncBuiltinESMExports()
  for (const _ of answers) expect.soft(await outcome(`https://rebound.example:${port}/`)).toBe('rebound.example may not be called')
  lookUp.mockRestore()
  syncBuiltinESMExports()
  expect([lookups, inner.asked]).toEqual([3, []])
})

test('a host that is named as ours is called, by http too, and no other port of it', async () => {
  ours()
  const response = await callOutside(`${inner.url}/x`, { method: 'POST', body: new URLSearchParams({ a: 'ä' }) })
  expect([response.status, await response.json()]).toEqual([200, { form: { a: 'ä' } }])
  expect(await outcome('http://127.0.0.1:1/')).toBe('127.0.0.1:1 may not be called')
})

test('O10 a redirect is not followed', async () => {
  ours()
  inner.moods.set('/away', { redirect: `${inner.url}/secret` })
  const response = await callOutside(`${inner.url}/away`)
  expect([response.status, response.headers.get('location')]).toEqual([302, `${inner.url}/secret`])
  expect(inner.asked.at(-1)).toBe('GET /away')
})

test('what is too slow or too large is cut', async () => {
  ours()
  inner.moods.set('/slow', 'SLOW').set('/huge', 'HUGE')
  expect(await outcome(`${inner.url}/slow`)).toBe(`${inner.host} did not answer`)
  expect(await outcome(`${inner.url}/huge`)).toBe('The answer is too large')
})

test('public addresses are public, and special ones are not', () => {
  for (const address of ['1.1.1.1', '93.184.216.34', '::ffff:1.1.1.1', '2606:4700::1111', '172.32.0.1', '100.128.0.1'])
    expect.soft([address, isPublicAddress(address)]).toEqual([address, true])
  const inside = [
    '0.0.0.0',
    '127.8.8.8',
    '172.31.255.255',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    'fe80::1',
    'fc00::1',
    'ff02::1',
  ]
  for (const address of [...inside, '2001:db8::1', '2002:7f00:1::', '2001::1', '::ffff:10.0.0.1', '::127.0.0.1', '64:ff9b::7f00:1', 'x'])
    expect.soft([address, isPublicAddress(address)]).toEqual([address, false])
})

test('a circuit opens after three failures, lets one try after its time, and closes when that succeeds', async () => {
  const circuit = createCircuit({ failures: 3, openMs: 30_000, most: 2 })
  let calls = 0
  const run = (works: boolean) =>
    circuit(async () => {
      calls += 1
      return works ? 'answer' : Promise.reject(new Error('down'))
    }).catch((error: unknown) => (isAppError(error, 'UNAVAILABLE') ? error.details.retryAfterSeconds : 'failed'))
  expect([await run(false), await run(false), await run(true), await run(false), await run(false), await run(false)]).toEqual([
    'failed',
    'failed',
    'answer',
    'failed',
    'failed',
    'failed',
  ])
  expect([await run(true), calls]).toEqual([30, 6])
  advanceClock(30_000)
  expect([await run(false), await run(true)]).toEqual(['failed', 30])
  advanceClock(30_000)
  expect(await Promise.all([run(true), run(true)])).toEqual(['answer', 30])
  expect(await run(true)).toBe('answer')
  expect(calls).toBe(9)
})

test('a circuit holds so many calls and no more', async () => {
  const circuit = createCircuit({ most: 2 })
  const { promise, resolve } = Promise.withResolvers<string>()
  const held = [circuit(() => promise), circuit(() => promise)]
  await expect(circuit(() => promise)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  resolve('answer')
  expect(await Promise.all(held)).toEqual(['answer', 'answer'])
})
