import { describe, expect, test } from 'vitest'
import { createSplitter, createTracker, type Frame } from './wire.ts'

const startup = Buffer.from([0, 0, 0, 9, 0, 3, 0, 0, 0])

function message(type: string, ...parts: (string | number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : Buffer.from(part))))
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

function frame(type: string, ...parts: (string | number[])[]): Frame {
  return { type, bytes: message(type, ...parts) }
}

const ready = (status: string): Frame => frame('Z', [status.charCodeAt(0)])

describe('the wire', () => {
  test.each([1, 2, 7, 1000])('is cut into the same messages in pieces of %i bytes', (size) => {
    const bytes = Buffer.concat([startup, message('Q', 'SELECT 1'), message('P', 's1', 'SELECT 2', [0, 0]), message('S')])
    const split = createSplitter('client')
    const frames: Frame[] = []
    for (let start = 0; start < bytes.length; start += size) frames.push(...split(bytes.subarray(start, start + size)))
    expect(frames.map(({ type }) => type)).toEqual(['', 'Q', 'P', 'S'])
    expect(Buffer.concat(frames.map((one) => one.bytes))).toEqual(bytes)
  })

  test('tells which statement of which transaction a named statement executes, and when it is done', () => {
    const tracker = createTracker()
    tracker.client(frame('Q', 'BEGIN'))
    tracker.server(frame('C', 'BEGIN'))
    tracker.server(ready('T'))
    tracker.client(frame('P', 'insert', 'INSERT INTO a VALUES ($1)', [0, 0]))
    tracker.client(frame('B', '', 'insert', [0, 0, 0, 0, 0, 0]))
    const sent = tracker.client(frame('E', '', [0, 0, 0, 0]))
    tracker.client(frame('S'))
    expect(sent).toEqual({ sql: 'INSERT INTO a VALUES ($1)', transaction: ['BEGIN', 'INSERT INTO a VALUES ($1)'] })
    expect(tracker.server(frame('C', 'INSERT 0 1'))?.sql).toBe('INSERT INTO a VALUES ($1)')
    tracker.server(ready('T'))
    tracker.client(frame('Q', 'COMMIT'))
    expect(tracker.server(frame('C', 'COMMIT'))).toBeNull()
    expect(tracker.server(ready('I'))?.transaction).toEqual(['BEGIN', 'INSERT INTO a VALUES ($1)', 'COMMIT'])
    expect(tracker.client(frame('Q', 'SELECT 1'))?.transaction).toEqual(['SELECT 1'])
  })

  test('keeps its place when a statement fails and what followed it is skipped', () => {
    const tracker = createTracker()
    tracker.client(frame('P', '', 'SELECT broken', [0, 0]))
    tracker.client(frame('B', '', '', [0, 0, 0, 0, 0, 0]))
    tracker.client(frame('E', '', [0, 0, 0, 0]))
    tracker.client(frame('S'))
    tracker.client(frame('Q', 'SELECT fine'))
    tracker.server(frame('E', 'ERROR'))
    tracker.server(ready('I'))
    tracker.server(frame('C', 'SELECT 1'))
    expect(tracker.server(ready('I'))?.sql).toBe('SELECT fine')
  })

  test('takes a message of several statements for done at its end alone, and for undone when one of them fails', () => {
    const tracker = createTracker()
    tracker.client(frame('Q', 'SELECT 1; SELECT 2'))
    expect(tracker.server(frame('C', 'SELECT 1'))).toBeNull()
    expect(tracker.server(frame('C', 'SELECT 1'))).toBeNull()
    expect(tracker.server(ready('I'))?.sql).toBe('SELECT 1; SELECT 2')
    tracker.client(frame('Q', 'SELECT 1; SELECT broken'))
    tracker.server(frame('C', 'SELECT 1'))
    tracker.server(frame('E', 'ERROR'))
    expect(tracker.server(ready('I'))).toBeNull()
  })

  test('learns the process that serves the connection', () => {
    const tracker = createTracker()
    tracker.server(frame('K', [0, 0, 48, 57, 0, 0, 0, 1]))
    expect(tracker.pid()).toBe(12_345)
  })
})
