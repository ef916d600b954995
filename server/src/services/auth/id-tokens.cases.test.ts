/** What an OpenID provider says of somebody, wrong in each way that a client must notice: for a newcomer, and in the name of somebody who is here. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { startInstallation, type Installation } from '../../../test/providers/installation.ts'
import type { Lies, Person } from '../../../test/providers/openid.ts'
import { waysInOf } from '../../../test/ways-in.ts'

let place: Installation
let last = 0
/** Signs in by the company, and by nothing else. */
const victim = { sub: 'the-victim', email: 'victim@example.com', email_verified: true, name: 'Victim' }

beforeAll(async () => {
  place = await startInstallation()
  await comeAs(victim)
})
afterAll(() => place?.stop())
afterEach(() => {
  Object.assign(place.company, { lies: {}, claimsIn: 'ID_TOKEN' })
})

const newcomer = () => ({ sub: `newcomer-${++last}`, email: `newcomer${last}@example.com`, email_verified: true, name: 'Newcomer' })
const rows = () =>
  query(
    place.server.database.ownerUrl,
    `SELECT (SELECT count(*)::int FROM auth.users) AS users, (SELECT count(*)::int FROM auth.oauth_accounts) AS linked,
            (SELECT count(*)::int FROM auth.sessions) AS sessions`,
  )

/** Goes to the company as this person, comes back, and finishes; `again` does so once more. */
async function comeAs(person: Person): Promise<{ answer: Answer; again: () => Promise<Answer> }> {
  const browser = openBrowser(place.server.url)
  place.company.person = person
  const { given } = await place.come(browser)
  const finish = () => browser.mutate('auth.provider.finish', given)
  return { answer: await finish(), again: finish }
}

const notConfirmed = {
  status: 400,
  message: 'The provider did not confirm this sign-in. Begin again.',
  data: { code: 'INVALID_TOKEN', httpStatus: 400 },
}
const usedUp = { ...notConfirmed, message: 'This sign-in is unknown, was used, is too old, or was begun elsewhere. Begin again.' }

/** Nobody comes in, nothing is made, and a provider that speaks the truth a moment later does not make it good. */
async function refused(): Promise<void> {
  const { lies, claimsIn } = place.company
  for (const person of [newcomer(), victim]) {
    const before = [await rows(), await waysInOf(place.server.database.ownerUrl, victim.email)]
    const { answer, again } = await comeAs(person)
    expect([toldBy(answer), answer.setCookies]).toEqual([notConfirmed, []])
    // There is somebody to be let in as.
    expect(before[1]).toMatchObject({ linked: [{ subject: victim.sub }] })
    Object.assign(place.company, { lies: {}, claimsIn: 'ID_TOKEN' })
    expect(toldBy(await again())).toEqual(usedUp)
    Object.assign(place.company, { lies, claimsIn })
    expect([await rows(), await waysInOf(place.server.database.ownerUrl, victim.email)]).toEqual(before)
  }
}

const now = () => Math.floor(Date.now() / 1000)

test.each<readonly [string, () => Lies]>([
  ['of another issuer', () => ({ claims: { iss: 'https://evil.example' } })],
  ['of an issuer that begins alike', () => ({ claims: { iss: `${place.company.url}/` } })],
  ['of the other provider here', () => ({ claims: { iss: place.other.url } })],
  ['without an issuer', () => ({ claims: { iss: undefined } })],
  ['for another client', () => ({ claims: { aud: 'somebody else' } })],
  ['for several clients', () => ({ claims: { aud: ['plinth', 'somebody else'] } })],
  ['for several clients, issued to another', () => ({ claims: { aud: ['plinth', 'somebody else'], azp: 'somebody else' } })],
  ['for nobody', () => ({ claims: { aud: undefined } })],
  ['with another nonce', () => ({ claims: { nonce: 'another' } })],
  ['without a nonce', () => ({ claims: { nonce: undefined } })],
  ['that is too old', () => ({ claims: { exp: now() - 60 } })],
  ['that never ends', () => ({ claims: { exp: undefined } })],
  ['that is not valid yet', () => ({ claims: { nbf: now() + 600 } })],
  ['that was issued at no time', () => ({ claims: { iat: undefined } })],
  ['without a subject', () => ({ claims: { sub: undefined } })],
  ['that is not signed', () => ({ signature: 'none' })],
  ['signed with the public key as a secret', () => ({ signature: 'HS256' })],
  ['signed with the secret of the client', () => ({ signature: 'CLIENT_SECRET' })],
  ['signed with a key that is not published', () => ({ signature: 'OTHER_KEY' })],
  ['that was altered after it was signed', () => ({ signature: 'ALTERED' })],
  ['of an unknown key', () => ({ kid: 'second' })],
  ['beside another access token', () => ({ claims: { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' } })],
  ['beside the name of another issuer', () => ({ iss: 'https://evil.example' })],
  ['beside the name of no issuer, where the provider always says it', () => ({ iss: null })],
])('O02 an ID token %s is refused, and nothing comes of it', async (_, lies) => {
  place.company.lies = lies()
  await refused()
})

test('O02 an answer without an ID token is refused', async () => {
  place.company.lies = { noIdToken: true }
  await refused()
})

test('O02 a profile of another subject than the ID token is refused', async () => {
  place.company.claimsIn = 'USER_INFO'
  const person = newcomer()
  expect((await comeAs(person)).answer.data).toMatchObject({ me: { email: person.email, name: person.name } })
  place.company.lies = { userInfoSub: 'somebody-else' }
  await refused()
})

test('whom the company tells the truth of is let in, between all of these', async () => {
  const person = newcomer()
  expect((await comeAs(person)).answer.data).toMatchObject({ status: 'SIGNED_IN', me: { email: person.email } })
  expect((await comeAs(victim)).answer.data).toMatchObject({ status: 'SIGNED_IN', me: { email: victim.email } })
})
