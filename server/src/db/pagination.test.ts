import { expect, test } from 'vitest'
import { z } from 'zod'
import { keyset, Page } from '#db'

interface Item {
  readonly id: string
}

const id = (n: number): string => `01890a5d-ac96-774b-bcce-${String(n).padStart(12, '0')}`

/** What the database would give. */
function read(all: readonly Item[], page: Page, order: 'asc' | 'desc' = 'asc'): { items: Item[]; nextCursor: string | null } {
  const { where, take, cut } = keyset(page, 'id', { order })
  const bound = where.id
  const matches = all.filter((item) => !bound || ('gt' in bound ? item.id > bound.gt : item.id < bound.lt))
  const sorted = matches.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  return cut((order === 'asc' ? sorted : sorted.toReversed()).slice(0, take))
}

function readAll(all: Item[], limit: number, order: 'asc' | 'desc', between: () => void = () => undefined): string[] {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const page = read(all, { limit, ...(cursor !== null && { cursor }) }, order)
    ids.push(...page.items.map((item) => item.id))
    cursor = page.nextCursor
    between()
  } while (cursor !== null)
  return ids
}

const items = Array.from({ length: 10 }, (_, n) => ({ id: id(n * 10) }))

test('the pages of a list hold each item once, in order, in either direction, and end', () => {
  const ids = items.map((item) => item.id)
  for (const limit of [1, 3, 5, 10, 100]) {
    expect(readAll(items, limit, 'asc')).toEqual(ids)
    expect(readAll(items, limit, 'desc')).toEqual(ids.toReversed())
  }
  expect(read([], { limit: 5 })).toEqual({ items: [], nextCursor: null })
})

test('what is inserted or removed while somebody reads on neither repeats nor hides another item', () => {
  const growing = [...items]
  let n = 0
  const ids = readAll(growing, 3, 'asc', () => {
    growing.push({ id: id(n++) })
    growing.splice(0, 1)
  })
  expect(new Set(ids).size).toBe(ids.length)
  expect(items.every((item) => ids.includes(item.id))).toBe(true)
})

test('a cursor that the list did not give is a fault of the field cursor', () => {
  for (const cursor of ['x', 'AAAA', '!!!', Buffer.from(`${id(1)}' OR 1=1`).toString('base64url')]) {
    expect(() => keyset({ cursor, limit: 5 }, 'id')).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', details: { fields: { cursor: ['is none that this list gave'] } } }),
    )
  }
  const cuid = Buffer.from('tz4a98xxat96iws9zmbrgj3a').toString('base64url')
  expect(() => keyset({ cursor: cuid, limit: 5 }, 'id')).toThrow()
  expect(keyset({ cursor: cuid, limit: 5 }, 'id', { key: z.cuid2() }).where).toEqual({ id: { gt: 'tz4a98xxat96iws9zmbrgj3a' } })
})

test('a page has 20 items where nothing is said, 100 at most, and knows no other keys', () => {
  expect(Page.parse({})).toEqual({ limit: 20 })
  for (const wrong of [{ limit: 0 }, { limit: 101 }, { limit: 1.5 }, { cursor: '' }, { offset: 3 }])
    expect(Page.safeParse(wrong).success).toBe(false)
})
