import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unlinked } from './text.ts'

test.each([
  ['Dr. Zoë O’Neill-Łuk, Jr.', 'Dr. Zoë O’Neill-Łuk, Jr.'],
  ['Harbour & Sons (2026)', 'Harbour & Sons (2026)'],
  ['ООО «Ромашка»', 'ООО «Ромашка»'],
  ['https://evil.example/win', 'https: / /evil. example/win'],
  ['www.evil.example', 'www. evil. example'],
  ['me@evil.example', 'me @ evil. example'],
  ['evil。example', 'evil。 example'],
  ['mailto:x', 'mailto: x'],
  [String.raw`\\evil\share`, String.raw`\ \evil\share`],
])('what is called %s is called %s in a mail to a stranger', (name, told) => {
  expect(unlinked(name)).toBe(told)
})

test('of no words is anything left that holds an address together, and nothing but spaces is added', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (words) => {
      const told = unlinked(words)
      expect(told).not.toMatch(/[.\u3002\uff0e\uff61:@]\S|\S@|[/\\]{2}/u)
      expect(told.replaceAll(' ', '')).toBe(words.replaceAll(' ', ''))
    }),
  )
})
