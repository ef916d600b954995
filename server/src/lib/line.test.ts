import { setImmediate as breathe } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { openLine } from './line.ts'

/** Work that ends when it is told to, and what it saw. */
function works() {
  const begun: number[] = []
  const ends: ((error?: Error) => void)[] = []
  const work = (number: number) => () => {
    begun.push(number)
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    ends[number] = (error) => (error ? reject(error) : resolve(number))
    return promise
  }
  return { begun, ends, work }
}

test('so many go on at once, and the others in the order in which they came', async () => {
  const [line, { begun, ends, work }] = [openLine({ atOnce: 2 }), works()]
  const all = [0, 1, 2, 3, 4].map((number) => line(work(number)))
  await breathe()
  expect([begun, line.running, line.waiting]).toEqual([[0, 1], 2, 3])
  ends[1]?.()
  await breathe()
  expect([begun, line.running, line.waiting]).toEqual([[0, 1, 2], 2, 2])
  for (const number of [0, 2, 3, 4]) {
    ends[number]?.()
    await breathe()
  }
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3, 4])
  expect([begun, line.running, line.waiting]).toEqual([[0, 1, 2, 3, 4], 0, 0])
})

test('whoever comes as a place is handed on waits behind those who came before', async () => {
  const [line, { begun, ends, work }] = [openLine({ atOnce: 1 }), works()]
  const first = line(work(0)).then(() => line(work(2)))
  const second = line(work(1))
  await breathe()
  ends[0]?.()
  await breathe()
  expect(begun).toEqual([0, 1])
  ends[1]?.()
  await second
  await breathe()
  ends[2]?.()
  expect(await first).toBe(2)
})

test('work that fails hands its place on', async () => {
  const [line, { begun, ends, work }] = [openLine({ atOnce: 1 }), works()]
  const failing = line(work(0))
  const next = line(work(1))
  await breathe()
  ends[0]?.(new Error('it broke'))
  await expect(failing).rejects.toThrow('it broke')
  await breathe()
  expect(begun).toEqual([0, 1])
  ends[1]?.()
  expect(await next).toBe(1)
})

test('whoever comes when the line is full is told how many wait, and those in it are served', async () => {
  const line = openLine({ atOnce: 1, longest: 1, full: (waiting) => new Error(`${waiting} wait`) })
  const { ends, work } = works()
  const served = [line(work(0)), line(work(1))]
  await expect(line(work(2))).rejects.toThrow('1 wait')
  ends[0]?.()
  await breathe()
  ends[1]?.()
  expect(await Promise.all(served)).toEqual([0, 1])
})

test('a turn that lasts too long keeps nobody waiting, and gives what it gives', async () => {
  const [line, { begun, ends, work }] = [openLine({ atOnce: 1, turnMs: 10 }), works()]
  const slow = line(work(0))
  const next = line(work(1))
  await vi.waitFor(() => expect(begun).toEqual([0, 1]))
  ends[1]?.()
  expect(await next).toBe(1)
  ends[0]?.(new Error('it broke late'))
  await expect(slow).rejects.toThrow('it broke late')
  expect([line.running, line.waiting]).toEqual([0, 0])
})
