/** The address that providers send browsers back to, against whoever calls it without end: a state that is known costs a query each time. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../../../test/browser.ts'
import { startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { addressOf } from '../../../test/race.ts'

let place: Installation
const perMinute = 20
const password = 'nine lazy otters hum'

beforeAll(async () => {
  place = await startInstallation({ ANONYMOUS_CALLS_PER_MINUTE: String(perMinute), TRUSTED_PROXIES: '1' })
})
afterAll(() => place?.stop())

test('a state that is known is handed on as often as a stranger may call, and no oftener; who comes too often is told when to come again, in a page', async () => {
  const { data } = await openBrowser(place.server.url, addressOf(1)).mutate('auth.provider.start', {
    provider: 'company',
    delivery: 'COOKIE',
  })
  const state = new URL((data as { url: string }).url).searchParams.get('state')
  const callback = `${place.server.url}/auth/callback/company?state=${state}&code=x`
  const come = (from: number) => fetch(callback, { redirect: 'manual', headers: addressOf(from) })
  const start = performance.now()
  const answers = await Promise.all(Array.from({ length: 300 }, () => come(2)))
  const [handedOn, refused] = [answers.filter(({ status }) => status === 303), answers.filter(({ status }) => status === 429)]
  expect(handedOn.length + refused.length).toBe(300)
  const givenBack = Math.floor(((performance.now() - start) / 60_000) * perMinute)
  expect(handedOn.length).toBeGreaterThanOrEqual(perMinute)
  expect(handedOn.length).toBeLessThanOrEqual(perMinute + givenBack)

  const [late] = refused
  expect(Number(late?.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(Number(late?.headers.get('retry-after'))).toBeLessThanOrEqual(60 / perMinute)
  expect([late?.headers.get('content-type'), late?.headers.get('referrer-policy')]).toEqual(['text/html; charset=UTF-8', 'no-referrer'])
  expect(await late?.text()).toContain('<h1>Come again in a moment</h1>')

  const signIn = await openBrowser(place.server.url, addressOf(2)).mutate('auth.signIn', {
    email: 'x@example.com',
    password,
    delivery: 'TOKEN',
  })
  expect([signIn.status, signIn.error?.data.code]).toEqual([429, 'TOO_MANY_REQUESTS'])
  // From elsewhere the visit goes on: it was not used by any of it.
  const elsewhere = await come(3)
  expect([elsewhere.status, elsewhere.headers.get('location')]).toEqual([303, expect.stringContaining(`state=${state}`)])
})
