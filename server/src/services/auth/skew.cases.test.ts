import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { advanceClock } from '#lib/clock.ts'
import { appWith } from '../../../test/authenticator-app.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { eventually } from '../../../test/outbox.ts'
import { publicUrl, startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { visit } from '../../../test/providers/visit.ts'
import { startSecondProcess, type SecondProcess } from '../../../test/second-process.ts'
import type { TestServer } from '../../../test/server.ts'
import { wholeState } from '../../../test/whole-state.ts'

const password = 'nine lazy otters hum'
const minute = 60_000
const day = 24 * 60 * minute
let installation: Installation
let server: TestServer
let behind: SecondProcess
let last = 0

/** The clock of this process is five minutes ahead of the database's, that of the other at least five minutes behind it. */
beforeAll(async () => {
  installation = await startInstallation()
  server = installation.server
  behind = await startSecondProcess(server)
  await advance(server.database.ownerUrl, 5 * minute)
  advanceClock(5 * minute)
})
afterAll(async () => {
  await behind[Symbol.asyncDispose]()
  await installation.stop()
})

const open = (url: string, token?: string) => openBrowser(url, token === undefined ? {} : { authorization: `Bearer ${token}` })
const here = (token?: string) => open(server.url, token)
const person = () => server.signUpAs(`person${(last += 1)}@example.com`, { password })

/** Everything that is kept, but for when sessions were used last. */
const kept = async () => ({ ...(await wholeState(server.database.ownerUrl)), 'auth.sessions': undefined })

/** Waits for what a mail to an address holds. */
const mailed = (email: string, what: RegExp) =>
  eventually(async () => (await server.mailsTo(email)).map(({ text }) => what.exec(text)?.[1]).find((found) => found !== undefined))

/** A visit to a provider that was begun. */
interface Begun {
  readonly id: string
  readonly url: string
}

/** Uses what was made up, at one process or the other. */
type Use = (url: string) => Promise<Answer>

interface Kind {
  readonly ttlMs: number
  make(): Promise<Use>
  /** What is told when it is too old. */
  readonly late: object
}

const invalid = {
  status: 400,
  message: 'This link is unknown, was used, or is too old.',
  data: { code: 'INVALID_TOKEN', httpStatus: 400 },
}
const refusedVisit = 'This sign-in is unknown, was used, is too old, or was begun elsewhere. Begin again.'
const wrongCode = (message: string) => ({ status: 401, message, data: { code: 'UNAUTHORIZED', httpStatus: 401 } })

async function requestChange(): Promise<{ email: string; next: string; token: string }> {
  const { email, token } = await person()
  const next = `next.${email}`
  await here(token).mutate('auth.email.requestChange', { email: next })
  return { email, next, token }
}

const kinds: Record<string, Kind> = {
  'a link that proves an address': {
    ttlMs: day,
    late: invalid,
    async make() {
      const email = `new${(last += 1)}@example.com`
      await here().mutate('auth.signUp', { email, name: 'Ada', password })
      const token = await mailed(email, /#token=(pln_v_[\w-]+)/)
      return (url) => open(url).mutate('auth.verifyEmail', { token })
    },
  },
  'a link for a new password': {
    ttlMs: 20 * minute,
    late: invalid,
    async make() {
      const { email } = await person()
      await here().mutate('auth.password.requestReset', { email })
      const token = await mailed(email, /#token=(pln_r_[\w-]+)/)
      return (url) => open(url).mutate('auth.password.reset', { token, password: 'ten brisk herons wade' })
    },
  },
  'a link that signs in': {
    ttlMs: 10 * minute,
    late: invalid,
    async make() {
      const { email } = await person()
      await here().mutate('auth.emailSignIn.request', { email })
      const token = await mailed(email, /#token=(pln_m_[\w-]+)/)
      return (url) => open(url).mutate('auth.emailSignIn.byLink', { token, delivery: 'COOKIE' })
    },
  },
  'a code that signs in': {
    ttlMs: 10 * minute,
    late: wrongCode('The code is wrong, or too old.'),
    async make() {
      const { email } = await person()
      const { pendingToken } = (await here().mutate('auth.emailSignIn.request', { email })).data as { pendingToken: string }
      const code = await mailed(email, /type this code: (\d{8})$/m)
      return (url) => open(url).mutate('auth.emailSignIn.byCode', { pendingToken, code, delivery: 'COOKIE' })
    },
  },
  'a sign-in that waits for its second factor': {
    ttlMs: 5 * minute,
    late: wrongCode('The code is wrong, or the sign-in has taken too long.'),
    async make() {
      const { email } = await person()
      const browser = here()
      await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
      const { secret } = (await browser.mutate('auth.totp.enrol')).data as { secret: string }
      // The app goes by this process's clock, and is five minutes ahead as well.
      expect((await browser.mutate('auth.totp.confirm', { code: appWith(secret).code(-10) })).status).toBe(200)
      const { codes } = (await browser.mutate('auth.recoveryCode.regenerate')).data as { codes: string[] }
      const { data } = await here().mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
      const { pendingToken } = data as { pendingToken: string }
      return (url) => open(url).mutate('auth.secondFactor.recoveryCode', { pendingToken, code: codes[0] })
    },
  },
  'the old address’s word on another': {
    ttlMs: 60 * minute,
    late: invalid,
    async make() {
      const { email } = await requestChange()
      const token = await mailed(email, /#token=(pln_ea_[\w-]+)/)
      return (url) => open(url).mutate('auth.email.approveChange', { token })
    },
  },
  'the proof of another address': {
    ttlMs: 60 * minute,
    late: invalid,
    async make() {
      const { next, token: session } = await requestChange()
      const token = await mailed(next, /#token=(pln_ep_[\w-]+)/)
      return (url) => open(url, session).mutate('auth.email.confirmChange', { token })
    },
  },
  'the undoing of a change of address': {
    ttlMs: 7 * day,
    late: invalid,
    async make() {
      const { email, next, token: session } = await requestChange()
      await here().mutate('auth.email.approveChange', { token: await mailed(email, /#token=(pln_ea_[\w-]+)/) })
      await here(session).mutate('auth.email.confirmChange', { token: await mailed(next, /#token=(pln_ep_[\w-]+)/) })
      const token = await mailed(email, /#token=(pln_eu_[\w-]+)/)
      return (url) => open(url).mutate('auth.email.undoChange', { token })
    },
  },
}

describe.each(Object.entries(kinds))('%s', (_what, { ttlMs, late, make }) => {
  test('R17 is good until it ends by the clock of the database, and no longer, in a process that is ahead of it and in one behind', async () => {
    const [ahead, lagging, old] = [await make(), await make(), await make()]
    await advance(server.database.ownerUrl, ttlMs - minute)
    const answers = { ahead: await ahead(server.url), behind: await lagging(behind.url) }
    expect({ ahead: answers.ahead.status, behind: answers.behind.status }).toEqual({ ahead: 200, behind: 200 })
    await advance(server.database.ownerUrl, minute + 1_000)
    const before = await kept()
    for (const url of [server.url, behind.url]) expect(toldBy(await old(url))).toEqual(late)
    expect(await kept()).toEqual(before)
  })
})

test('R17 a visit to a provider is good for ten minutes by the clock of the database, also in a process that is ahead of it', async () => {
  const { come, company, plex } = installation
  const [browser, late, viewer] = [here(), here(), here()]
  const begin = async (by: string, input: object, from: Browser) => (await from.mutate(by, { delivery: 'COOKIE', ...input })).data as Begun
  company.person = { sub: 'punctual', email: 'punctual@example.com', email_verified: true, name: 'Ada' }
  const begun = await begin('auth.provider.start', { provider: 'company' }, browser)
  const pin = await begin('auth.plex.start', {}, viewer)
  await advance(server.database.ownerUrl, 9 * minute)
  const { given } = await visit({ publicUrl, url: server.url }, begun.url)
  expect((await browser.mutate('auth.provider.finish', given)).data).toMatchObject({ status: 'SIGNED_IN' })
  expect((await viewer.mutate('auth.plex.check', { id: pin.id, wait: 0 })).data).toMatchObject({ status: 'WAITING' })
  const { given: old } = await come(late)
  plex.confirm(pin.url, { id: 7_002, username: 'viewer', title: 'Viewer', email: 'viewer@example.com' })
  await advance(server.database.ownerUrl, 10 * minute + 1_000)
  const before = await kept()
  expect(toldBy(await late.mutate('auth.provider.finish', old))).toEqual({ ...invalid, message: refusedVisit })
  expect(toldBy(await viewer.mutate('auth.plex.check', { id: pin.id, wait: 0 }))).toEqual(wrongCode(refusedVisit))
  expect(await kept()).toEqual(before)
})
