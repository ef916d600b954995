import { expect, test } from 'vitest'
import { z } from 'zod'
import { timeOrderedId } from './time-ordered-id.ts'

test('an id is a UUIDv7 of its time', () => {
  const at = new Date('2026-11-20T12:34:56.789Z')
  const id = timeOrderedId(at)
  expect(z.uuidv7().safeParse(id).success).toBe(true)
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(at.getTime())
})

test('ids of one millisecond are in the order in which they were made, and all different', () => {
  const at = new Date()
  const ids = Array.from({ length: 2_000 }, () => timeOrderedId(at))
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
})

test('ids of different times are in the order of their times', () => {
  const ids = Array.from({ length: 100 }, (_, n) => timeOrderedId(new Date(1_700_000_000_000 + n)))
  expect(ids.toSorted()).toEqual(ids)
})
