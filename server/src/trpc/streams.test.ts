import { isAppError } from '@plinth/client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { advanceClock, now } from '#lib/clock.ts'
import { AppError } from '#lib/errors.ts'
import { startEdge, type Edge } from '../../test/edge.ts'
import { createStreams, MOST_STREAMS, until } from './streams.ts'

let edge: Edge
beforeEach(async () => {
  edge = await startEdge()
  edge.sessions.add('token-anna')
})
afterEach(() => edge.stop())

const bearer = { authorization: 'Bearer token-anna' }
const ticks = (everyMs: number, more = '') => `ticks?input=${encodeURIComponent(JSON.stringify({ json: { everyMs } }))}${more}`

describe('a subscription', () => {
  test('gives validated events, without what its output does not name', async () => {
    const events = []
    for await (const event of edge.client('token-anna').ticks.subscribe({ everyMs: 1 })) {
      events.push(event)
      if (events.length === 3) break
    }
    expect(events).toEqual([1, 2, 3].map((number) => ({ id: String(number), data: { number, at: new Date(0) } })))
  })

  test('resumes after the event that the header, or the input, names', async () => {
    for (const [path, headers] of [
      [ticks(1), { 'last-event-id': '41' }],
      [ticks(1, '&lastEventId=41'), {}],
    ] as const) {
      const answer = await edge.call(path, { headers: { ...bearer, ...headers } })
      expect(await firstMatch(answer, /^id: (\d+)$/m)).toBe('42')
    }
  })

  test('is refused to strangers with a typed error, and the client does not come back', async () => {
    const error = await nextOf(edge.client('token-nobody').ticks.subscribe({ everyMs: 1 }))
    expect(isAppError(error, 'UNAUTHORIZED')).toBe(true)
    expect(edge.sessions.lookups).toBe(1)
  })

  test('ends within 250 ms when its session is revoked, also one that is silent', { retry: 3 }, async () => {
    for (const open of [
      () => edge.client('token-anna').ticks.subscribe({ everyMs: 10 }),
      () => edge.client('token-anna').silence.subscribe(),
    ]) {
      edge.sessions.add('token-anna')
      const stream = open()
      const end = lastOf(stream)
      await new Promise((resolve) => setTimeout(resolve, 150))
      const start = performance.now()
      edge.sessions.revoke('token-anna')
      expect(isAppError(await end, 'UNAUTHORIZED')).toBe(true)
      expect(performance.now() - start).toBeLessThan(250)
    }
  })

  test('goes on when something else of the person was revoked', async () => {
    edge.sessions.add('token-other')
    let seen = 0
    for await (const { data } of edge.client('token-anna').ticks.subscribe({ everyMs: 5 })) {
      if (data.number === 3) edge.sessions.revoke('token-other')
      if ((seen = data.number) === 10) break
    }
    expect(seen).toBe(10)
  })

  test('ends on drain without a word, so that its client comes back and resumes', async () => {
    const answer = await edge.call(ticks(5), { headers: bearer })
    const text = answer.text()
    await new Promise((resolve) => setTimeout(resolve, 50))
    edge.app.drain()
    const said = await text
    expect(said).toContain('event: connected')
    expect(said).toMatch(/^retry: \d+$/m)
    expect(said).not.toMatch(/event: (return|serialized-error)/)
  })

  test('survives its server: the client resumes after the last event it saw, each event once', async () => {
    const seen: number[] = []
    let cut = 0
    const cutting: typeof fetch = async (...args) => {
      const answer = await fetch(...args)
      if (cut++ >= 3) return answer
      const { readable, writable } = new TransformStream()
      void answer.body?.pipeTo(writable, { signal: AbortSignal.timeout(120) }).catch(() => undefined)
      return new Response(readable, answer)
    }
    for await (const { data } of edge.client('token-anna', cutting).ticks.subscribe({ everyMs: 20 })) {
      seen.push(data.number)
      if (seen.length === 20) break
    }
    expect(cut).toBeGreaterThanOrEqual(3)
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  }, 20_000)

  test('survives a proxy that has no server behind it for a while', async () => {
    const seen: number[] = []
    let turn = 0
    const broken: typeof fetch = async (...args) => {
      turn++
      if (turn > 1 && turn < 4) return new Response('<h1>502</h1>', { status: 502, headers: { 'content-type': 'text/html' } })
      const answer = await fetch(...args)
      if (turn > 1) return answer
      const { readable, writable } = new TransformStream()
      void answer.body?.pipeTo(writable, { signal: AbortSignal.timeout(150) }).catch(() => undefined)
      return new Response(readable, answer)
    }
    for await (const { data } of edge.client('token-anna', broken).ticks.subscribe({ everyMs: 20 })) {
      seen.push(data.number)
      if (turn >= 4 && seen.length >= 12) break
    }
    expect(seen).toEqual(seen.map((_, index) => index + 1))
  }, 20_000)

  test('is never cached and pings while it is silent', async () => {
    const answer = await edge.call('silence', { headers: bearer })
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    expect(answer.headers.get('cache-control')).toBe('no-store, no-transform')
    await answer.body?.cancel()
  })
})

describe('the book of open streams', () => {
  test('lets go of a source that never gives again', async () => {
    const streams = createStreams()
    const life = streams.open(undefined)
    const source = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<IteratorResult<never>>(() => {}) }) }
    const reading = until(source, life).next()
    streams.drain()
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('holds only so many of one person, and makes room when one ends', async () => {
    const streams = createStreams()
    const lives = await Promise.all(Array.from({ length: MOST_STREAMS }, () => streams.openFor('anna', undefined)))
    await expect(streams.openFor('anna', undefined)).rejects.toThrow(/Too many/)
    await streams.openFor('ben', undefined)
    streams.open(undefined)
    lives[0]?.end('over')
    await streams.openFor('anna', undefined)
    await expect(streams.openFor('anna', undefined)).rejects.toThrow(/Too many/)
  })

  test('keeps no place for a caller who left before the stream was open', async () => {
    const streams = createStreams()
    for (let turn = 0; turn <= MOST_STREAMS; turn++) await streams.openFor('anna', AbortSignal.abort())
    expect((await streams.openFor('anna', undefined)).signal.aborted).toBe(false)
  })

  test('ends at once what is opened after the drain', async () => {
    const streams = createStreams()
    streams.drain()
    expect(streams.open(undefined).signal.aborted).toBe(true)
  })

  test('keeps nothing of the steps that are over', async () => {
    const life = createStreams().open(undefined)
    async function* many() {
      for (let step = 0; step < 20_000; step++) yield step
    }
    let count = 0
    for await (const _ of until(many(), life)) count++
    expect(count).toBe(20_000)
  })
})

describe('an open stream', () => {
  const asking = (ask: () => Promise<Date | undefined>, isHearing = () => true) => {
    const streams = createStreams(isHearing)
    const life = streams.open(undefined)
    return { streams, life, askNow: streams.askAgain(life, ask) }
  }
  const ticking = () => new Promise((resolve) => setTimeout(resolve, 1_200))

  test('is asked about again after half a minute, however well this process hears', async () => {
    const ask = vi.fn(async () => undefined)
    const { life } = asking(ask)
    await ticking()
    expect(ask).not.toHaveBeenCalled()
    advanceClock(30_000)
    await ticking()
    expect(ask).toHaveBeenCalledTimes(1)
    life.end('over')
    advanceClock(30_000)
    await ticking()
    expect(ask).toHaveBeenCalledTimes(1)
  })

  test('is asked about each second while this process does not hear, and ends when its door is closed', async () => {
    let isOpen = true
    const { life } = asking(
      async () => (isOpen ? undefined : Promise.reject(new AppError('UNAUTHORIZED', 'Sign in first.'))),
      () => false,
    )
    await ticking()
    expect(life.signal.aborted).toBe(false)
    isOpen = false
    await ticking()
    expect(life.signal.reason).toMatchObject({ code: 'UNAUTHORIZED' })
  })

  test('is asked about when its door closes by itself', async () => {
    const ask = vi.fn(async () => new Date(now().getTime() + 5_000))
    const { life, askNow } = asking(ask)
    askNow()
    await ticking()
    expect(ask).toHaveBeenCalledTimes(1)
    advanceClock(5_000)
    await ticking()
    expect(ask).toHaveBeenCalledTimes(2)
    life.end('over')
  })

  test('outlives a database that cannot answer, but not where something was revoked', async () => {
    const ask = vi.fn(() => Promise.reject(new AppError('UNAVAILABLE', 'Try again.', { retryAfterSeconds: 1 })))
    const { life, askNow } = asking(ask)
    advanceClock(30_000)
    await ticking()
    await ticking()
    expect(ask.mock.calls.length).toBeGreaterThanOrEqual(2)
    expect(life.signal.aborted).toBe(false)
    askNow()
    await vi.waitFor(() => expect(life.signal.reason).toMatchObject({ code: 'UNAVAILABLE' }))
  })

  test('is no flood with a thousand others: a few are asked about at a time, the revoked ones first', { retry: 3 }, async () => {
    let [atOnce, most, asked] = [0, 0, 0]
    const streams = createStreams(() => true)
    const ask = async () => {
      most = Math.max(most, ++atOnce)
      await new Promise((resolve) => setImmediate(resolve))
      atOnce--
      asked++
      return undefined
    }
    const lives = Array.from({ length: 1_000 }, () => streams.open(undefined))
    for (const life of lives) streams.askAgain(life, ask)
    const last = streams.open(undefined)
    const askedBefore: number[] = []
    const askNow = streams.askAgain(last, async () => void askedBefore.push(asked))
    advanceClock(30_000)
    await vi.waitFor(() => expect(asked).toBeGreaterThan(0), { timeout: 2_000, interval: 1 })
    askNow()
    await vi.waitFor(() => expect(asked).toBe(1_000), { timeout: 5_000 })
    expect(most).toBeLessThanOrEqual(4)
    expect(askedBefore[0]).toBeLessThan(900)
    streams.drain()
  })
})

async function firstMatch(answer: Response, pattern: RegExp): Promise<string | undefined> {
  let text = ''
  for await (const chunk of answer.body ?? []) {
    text += new TextDecoder().decode(chunk)
    const match = pattern.exec(text)
    if (match) return match[1]
  }
  return undefined
}

async function nextOf(stream: AsyncIterable<unknown>): Promise<unknown> {
  try {
    for await (const event of stream) return event
    return 'ended'
  } catch (error) {
    return error
  }
}

async function lastOf(stream: AsyncIterable<unknown>): Promise<unknown> {
  try {
    for await (const _ of stream);
    return 'ended'
  } catch (error) {
    return error
  }
}
