/** What a stolen session is worth where its owner has a second factor: it takes none away, adds none, and makes nothing that outlives it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { guarded, knock } from '../../../test/guarded.ts'
import { stepUpBy } from '../../../test/passkeys.ts'
import { everywherePassword, personEverywhere, type Everywhere } from '../../../test/providers/everywhere.ts'
import { startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { cookiesOf } from '../../../test/race.ts'
import { waysInOf } from '../../../test/ways-in.ts'

const minute = 60_000
let place: Installation
let who: Everywhere

beforeAll(async () => {
  place = await startInstallation()
  who = await personEverywhere(place, 'robbed@example.com')
})
afterAll(() => place?.stop())

const waysIn = () => waysInOf(place.server.database.ownerUrl, who.email)
/** Somebody else's browser, with a copy of the cookies of this one. */
const thiefOf = (browser: Browser) => openBrowser(place.server.url, cookiesOf(browser))
const details = { methods: ['PASSKEY', 'TOTP'] }
const stepUpNeeded = {
  status: 401,
  message: 'Prove once more who you are.',
  data: { code: 'STEP_UP_REQUIRED', httpStatus: 401, details },
}

/** Every procedure that asks for a fresh proof and for no role. */
const sensitive = guarded.filter(({ access }) => /^signed in\b.*proven within ten minutes$/.test(access))

/** Tries all of them with a copy of the session. */
async function refusedEverything(thief: Browser): Promise<void> {
  expect((await thief.query('auth.me')).data).toMatchObject({ email: who.email })
  const kept = await waysIn()
  for (const each of sensitive) expect([each.path, toldBy(await knock(thief, each))]).toEqual([each.path, stepUpNeeded])
  expect(await waysIn()).toEqual(kept)
}

test('M08 M09 what takes factors away, adds ways in, or makes a key, is among what asks for a proof by the second factor', () => {
  expect(sensitive.map(({ path }) => path)).toEqual(
    expect.arrayContaining([
      'auth.totp.disable',
      'auth.totp.enrol',
      'auth.totp.confirm',
      'auth.recoveryCode.regenerate',
      'auth.passkey.remove',
      'auth.passkey.register',
      'auth.provider.link',
      'auth.provider.unlink',
      'auth.plex.link',
      'auth.password.change',
      'auth.email.requestChange',
      'auth.apiKey.create',
      'auth.account.deactivate',
    ]),
  )
})

test('M08 M09 a stolen session that is fresh, of the password alone, does nothing of it', async () => {
  await refusedEverything(thiefOf(who.before))
})

test('M08 whoever knows the password too, or is at a linked provider, proves no more by that, and may not have a mail sent instead', async () => {
  const thief = thiefOf(who.before)
  const { given } = await place.come(who.before, { by: 'auth.provider.proveAgain' })
  const kept = await waysIn()
  for (const [path, input] of [
    ['auth.stepUp.password', { password: everywherePassword }],
    ['auth.stepUp.provider', given],
    ['auth.stepUp.requestEmail', undefined],
    ['auth.stepUp.email', { pendingToken: 'pln_u_', code: '12345678' }],
    ['auth.stepUp.recoveryCode', { code: 'AAAA-BBBB-CCCC-DDDD' }],
  ] as const)
    expect([path, toldBy(await thief.mutate(path, input, cookiesOf(who.before)))]).toEqual([
      path,
      { ...stepUpNeeded, message: 'This is not enough.' },
    ])
  expect(await waysIn()).toEqual(kept)
})

test('M08 a stolen session of level 2 does nothing of it when it was proven ten minutes ago; its owner does, by a factor', async () => {
  await advance(place.server.database.ownerUrl, 10 * minute)
  for (const browser of [who.browser, who.before]) await refusedEverything(thiefOf(browser))
  expect((await stepUpBy(who.browser, who.key)).data).toMatchObject({ status: 'SIGNED_IN' })
  expect((await who.browser.mutate('auth.totp.disable')).data).toEqual({ status: 'DISABLED' })
  // Its row is kept, deleted, while what was added before can be taken back.
  expect((await waysIn()).app.map(({ deleted_at }) => typeof deleted_at)).toEqual(['string'])
  expect((await who.browser.query('auth.totp.get')).data).toEqual({ confirmedAt: null })
})

test('M08 a stolen key of the account takes no factor away, whatever it may do', async () => {
  const { data } = await who.browser.mutate('auth.apiKey.create', { name: 'tool', scopes: ['auth.*', 'teams.*'] })
  const thief = openBrowser(place.server.url, { authorization: `Bearer ${(data as { key: string }).key}` })
  expect((await thief.query('auth.me')).data).toMatchObject({ email: who.email })
  const kept = await waysIn()
  const closed = { status: 403, message: 'This API key may not call this procedure.', data: { code: 'FORBIDDEN', httpStatus: 403 } }
  for (const each of sensitive) expect([each.path, toldBy(await knock(thief, each))]).toEqual([each.path, closed])
  expect(await waysIn()).toEqual(kept)
})
