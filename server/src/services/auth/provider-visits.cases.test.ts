/** Visits to providers against whoever mixes them: two people's, two providers', two moments'. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { startInstallation, type Beginning, type Installation } from '../../../test/providers/installation.ts'
import type { Person } from '../../../test/providers/openid.ts'
import { atOnce, cookiesOf } from '../../../test/race.ts'
import { stepUpByMail } from '../../../test/step-up.ts'
import { waysInOf } from '../../../test/ways-in.ts'

let place: Installation
let last = 0

beforeAll(async () => {
  place = await startInstallation()
})
afterAll(() => place?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) =>
  query<R>(place.server.database.ownerUrl, sql, values)
const open = () => openBrowser(place.server.url)
const waysIn = (email: string) => waysInOf(place.server.database.ownerUrl, email)
const finish = (browser: Browser, given: object, headers = {}) => browser.mutate('auth.provider.finish', given, headers)
const meOf = ({ data }: Answer) => (data as { me: { id: string; email: string } }).me

const unknownVisit = {
  status: 400,
  message: 'This sign-in is unknown, was used, is too old, or was begun elsewhere. Begin again.',
  data: { code: 'INVALID_TOKEN', httpStatus: 400 },
}
const notConfirmed = { ...unknownVisit, message: 'The provider did not confirm this sign-in. Begin again.' }

/** Somebody whom each provider knows by the same number, and vouches for. */
function somebody() {
  const number = 1_000 + ++last
  return { sub: `${number}`, email: `visitor${number}@example.com`, email_verified: true, name: `Visitor ${number}` }
}

/** Comes back from a provider as this person; what the page was given is not used yet. */
async function come(browser: Browser, { sub, email = '', name = '' }: Person, beginning: Beginning = {}): Promise<Record<string, string>> {
  place.company.person = { sub, email, email_verified: true, name }
  place.other.person = place.company.person
  place.github.user = { id: Number(sub), login: `octocat${sub}`, name, emails: [{ email, primary: true, verified: true }] }
  return (await place.come(browser, beginning)).given
}

/** Signs in, and the first time makes an account. */
async function signIn(person: Person, provider = 'company', browser = open()): Promise<Answer> {
  return finish(browser, await come(browser, person, { provider }))
}

/** Runs what is refused so: it sets no cookie, and these people keep what they had. */
async function refused(call: () => Promise<Answer>, told: object, people: readonly { email: string }[]): Promise<void> {
  const state = async () => [await ask('SELECT count(*) FROM auth.users'), ...(await Promise.all(people.map(({ email }) => waysIn(email))))]
  const before = await state()
  const answer = await call()
  expect([toldBy(answer), answer.setCookies]).toEqual([told, []])
  expect(await state()).toEqual(before)
}

test.each(['company', 'github'])('O01 of twenty who finish one visit to %s at once, one does', async (provider) => {
  const [browser, person] = [open(), somebody()]
  const given = await come(browser, person, { provider })
  const answers = await atOnce(place.server.url, 20, (each) => finish(each, given, cookiesOf(browser)))
  const others = answers.filter(({ status }) => status !== 200)
  expect(others.map(toldBy)).toEqual(Array.from({ length: 19 }, () => unknownVisit))
  expect(others.flatMap(({ setCookies }) => setCookies)).toEqual([])
  const { user, linked, session } = await waysIn(person.email)
  expect([user.length, linked.length, session.length]).toEqual([1, 1, 1])
})

test.each(['company', 'github'])(
  "O03 an attacker's code of %s is worth nothing in somebody else's visit, nor somebody else's in theirs",
  async (provider) => {
    const people = [somebody(), somebody()] as const
    for (const person of people) await signIn(person, provider)
    const [victim, attacker] = [open(), open()]
    const theirs = await come(attacker, people[1], { provider })
    const own = await come(victim, people[0], { provider })
    await refused(() => finish(victim, theirs), unknownVisit, people)
    await refused(() => finish(victim, { ...own, code: theirs['code'] }), notConfirmed, people)
    await refused(() => finish(attacker, { ...theirs, code: own['code'] }), notConfirmed, people)
    for (const browser of [victim, attacker]) expect((await browser.query('auth.me')).status).toBe(401)
  },
)

test('O03 where the provider does not look at the verifier, the nonce tells that a code is of another visit', async () => {
  const people = [somebody(), somebody()] as const
  for (const person of people) await signIn(person)
  place.company.lies = { ignoresPkce: true }
  const [victim, attacker] = [open(), open()]
  const theirs = await come(attacker, people[1])
  const own = await come(victim, people[0])
  await refused(() => finish(victim, { ...own, code: theirs['code'] }), notConfirmed, people)
  place.company.lies = {}
})

test.each(['company', 'github'])('O03 a code of %s that is injected into a link links nobody', async (provider) => {
  const people = [somebody(), somebody()] as const
  const [victim, attacker] = [open(), open()]
  await signIn(people[0], 'other', victim)
  await stepUpByMail(place.server, victim, people[0].email)
  const theirs = await come(attacker, people[1], { provider })
  const own = await come(victim, people[0], { provider, by: 'auth.provider.link' })
  await refused(() => finish(victim, theirs), unknownVisit, people)
  await refused(() => finish(victim, { ...own, code: theirs['code'] }), notConfirmed, people)
  expect((await waysIn(people[0].email)).linked).toMatchObject([{ provider: 'other', subject: people[0].sub }])
})

test('O06 the same subject at three providers is three people, each let in as themselves', async () => {
  const { sub } = somebody()
  const people = ['company', 'other', 'github'].map((provider) => ({ provider, person: { ...somebody(), sub } }))
  const ids: string[] = []
  for (const { provider, person } of people) {
    const answer = await signIn(person, provider)
    expect(answer.data).toMatchObject({ status: 'SIGNED_IN', me: { email: person.email } })
    ids.push(meOf(answer).id)
  }
  expect(new Set(ids).size).toBe(3)
  expect(await ask('SELECT provider, user_id FROM auth.oauth_accounts WHERE subject = $1 ORDER BY created_at', [sub])).toEqual(
    people.map(({ provider }, index) => ({ provider, user_id: ids[index] })),
  )
  for (const [index, { provider, person }] of people.entries()) expect(meOf(await signIn(person, provider)).id).toBe(ids[index])
})

test('O06 whoever has the subject of somebody at another provider, and their address too, is not taken for them', async () => {
  const person = somebody()
  await signIn(person)
  const told = {
    status: 409,
    message: 'This address has an account. Sign in to it, then link the provider.',
    data: { code: 'CONFLICT', httpStatus: 409, details: { reason: 'SIGN_IN_AND_LINK' } },
  }
  for (const provider of ['other', 'github']) await refused(() => signIn(person, provider), told, [person])
  expect((await waysIn(person.email)).linked).toMatchObject([{ provider: 'company', subject: person.sub }])
})

test.each(['company', 'github'])(
  'O09 when the address changes at %s, the account here keeps its own, even where the new one is somebody else’s',
  async (provider) => {
    const [person, neighbour] = [somebody(), somebody()]
    const first = await signIn(person, provider)
    await signIn(neighbour, provider)
    const [user, theirs] = [(await waysIn(person.email)).user, await waysIn(neighbour.email)]
    for (const email of [`moved.${person.email}`, neighbour.email]) {
      const moved = await signIn({ ...person, email, name: 'Another Name' }, provider)
      expect([moved.status, meOf(moved)]).toEqual([200, meOf(first)])
      expect([(await waysIn(person.email)).user, await waysIn(neighbour.email)]).toEqual([user, theirs])
    }
    expect(await ask('SELECT FROM auth.users WHERE email = $1', [`moved.${person.email}`])).toEqual([])
  },
)
