import { expect, expectTypeOf, test } from 'vitest'
import * as theirs from '../../server/src/lib/ids.ts'
import * as ours from './ids.ts'
import { createClient, type RouterInputs } from './index.ts'

const texts = [
  ...['01991f0e-7b1c-7000-8000-000000000000', '01991F0E-7B1C-7000-8000-00000000000A', '00000000-0000-0000-0000-000000000000'],
  ...['ffffffff-ffff-ffff-ffff-ffffffffffff', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', '01991f0e-7b1c-9000-8000-000000000000'],
  ...['01991f0e-7b1c-7000-c000-000000000000', '01991f0e7b1c70008000000000000000', ' 01991f0e-7b1c-7000-8000-000000000000', ''],
  ...['tz4a98xxat96iws9zmbrgj3a', 'TZ4A98XXAT96IWS9ZMBRGJ3A', 'tz4a98xxat96iws9zmbrgj3a\n', 'tz4a-98', 'a', '1', 'ü'],
]

test('every kind of id of the server can be made from the texts that the server takes, and from no others', () => {
  expect(Object.keys(ours).toSorted()).toEqual(Object.keys(theirs).toSorted())
  const kinds = new Map<string, ours.IdKind<string>>(Object.entries(ours))
  for (const [name, schema] of Object.entries(theirs)) {
    for (const text of texts) {
      const { success, data } = schema.safeParse(text)
      if (success) expect([name, kinds.get(name)?.of(text), kinds.get(name)?.is(data)]).toEqual([name, data, true])
      else expect(() => kinds.get(name)?.of(text)).toThrow(`is no ${name}`)
    }
  }
})

test('a call takes an id of its own kind alone', () => {
  const plinth = createClient({ url: 'http://127.0.0.1:1' })
  const wrong = (userId: ours.UserId, text: string) => [
    // @ts-expect-error a person's id is no team's
    plinth.teams.get.query({ teamId: userId }),
    // @ts-expect-error neither is any text
    plinth.teams.get.query({ teamId: text }),
    plinth.teams.get.query({ teamId: ours.TeamId.of(text) }),
  ]
  expect(wrong).toBeDefined()
  expectTypeOf<RouterInputs['teams']['get']['teamId']>().toEqualTypeOf<ours.TeamId>()
})
