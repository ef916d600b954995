import { afterAll, beforeAll, expect, test } from 'vitest'
import { divertLog } from '#lib/log.ts'
import { newApplication } from '../../../test/applications.ts'
import { newAuthenticator } from '../../../test/authenticator.ts'
import { openBrowser, type Answer } from '../../../test/browser.ts'
import { eventually } from '../../../test/outbox.ts'
import { registerKey } from '../../../test/passkeys.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { newTeam, person, type Somebody } from '../../../test/teams.ts'

const home = 'https://plinth.example.com'
const lines: string[] = []
const undivert = divertLog({ write: (line) => void lines.push(line) })
let server: TestServer
let anna: Somebody
let ben: Somebody
let carl: Somebody
let dan: Somebody

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: home, LOG_LEVEL: 'trace' } })
  anna = await person(server, 'Anna')
  ben = await person(server, 'Ben')
  carl = await person(server, 'Carl')
  dan = await person(server, 'Dan')
})
afterAll(async () => {
  undivert()
  await server.stop()
})

const open = (token?: string) => openBrowser(server.url, token === undefined ? {} : { authorization: `Bearer ${token}` })

interface Link {
  readonly page: string
  /** Has it mailed. */
  ask(): Promise<unknown>
  /** Uses it up. */
  use(token: string): Promise<Answer>
}

/** Every link with a token that there is in a mail, in an order in which each can be used. */
const links: Record<string, Link> = {
  pln_v_: {
    page: '/verify-email',
    ask: () => open().mutate('auth.signUp', { email: 'new@example.com', name: 'New', password: 'nine lazy otters hum' }),
    use: (token) => open().mutate('auth.verifyEmail', { token }),
  },
  pln_i_: {
    page: '/invitation',
    ask: async () => anna.client.teams.invitation.create.mutate({ teamId: (await newTeam(anna)).id, email: ben.email, role: 'MEMBER' }),
    use: (token) => open(ben.token).mutate('teams.invitation.accept', { token }),
  },
  pln_ai_: {
    page: '/application-invitation',
    ask: async () =>
      anna.client.auth.applicationInvitation.create.mutate({
        applicationId: (await newApplication(anna)).id,
        email: ben.email,
        role: 'USER',
      }),
    use: (token) => open(ben.token).mutate('auth.applicationInvitation.accept', { token }),
  },
  pln_ea_: {
    page: '/approve-email-change',
    ask: () => open(ben.token).mutate('auth.email.requestChange', { email: 'other@example.com' }),
    use: (token) => open().mutate('auth.email.approveChange', { token }),
  },
  pln_ep_: {
    page: '/confirm-email-change',
    ask: async () => undefined,
    use: (token) => open(ben.token).mutate('auth.email.confirmChange', { token }),
  },
  pln_eu_: {
    page: '/undo-email-change',
    ask: async () => undefined,
    use: (token) => open().mutate('auth.email.undoChange', { token }),
  },
  pln_fu_: {
    page: '/undo-factor',
    ask: async () => expect((await registerKey(open(dan.token), newAuthenticator({ origin: home }), 'key')).status).toBe(200),
    use: (token) => open().mutate('auth.account.undoFactor', { token }),
  },
  pln_m_: {
    page: '/sign-in/email',
    ask: () => open().mutate('auth.emailSignIn.request', { email: ben.email }),
    use: (token) => open().mutate('auth.emailSignIn.byLink', { token, delivery: 'COOKIE' }),
  },
  pln_r_: {
    page: '/reset-password',
    ask: () => open().mutate('auth.password.requestReset', { email: ben.email }),
    use: (token) => open().mutate('auth.password.reset', { token, password: 'ten brisk herons wade' }),
  },
  pln_ra_: {
    page: '/reactivate',
    ask: () => carl.client.auth.account.deactivate.mutate(),
    use: (token) => open().mutate('auth.account.reactivate', { token }),
  },
}

const addresses = ['carl@example.com', 'dan@example.com', 'ben@example.com', 'other@example.com', 'new@example.com']
const mailedLinks = async (prefix: string) => {
  const texts = (await Promise.all(addresses.map((email) => server.mailsTo(email)))).flat().map(({ text }) => text)
  return texts.flatMap((text) => new RegExp(`https?://\\S*${prefix}[\\w-]{43}\\S*`).exec(text)?.[0] ?? [])
}

test.each(Object.entries(links))(
  'R10 the token %s… stands where no browser sends it, and in no log: not when its link is used, nor when somebody sends it along',
  async (prefix, { page, ask, use }) => {
    const known = await mailedLinks(prefix)
    await ask()
    const address = await eventually(
      async () => (await mailedLinks(prefix)).find((each) => !known.includes(each)) ?? (prefix.startsWith('pln_e') && known[0]),
    )
    const { origin, pathname, search, hash } = new URL(address)
    expect([origin, pathname, search, hash]).toEqual([home, page, '', expect.stringMatching(new RegExp(`^#token=${prefix}[\\w-]{43}$`))])
    const token = hash.slice('#token='.length)
    for (const path of [page, `/trpc/auth.verifyEmail`, '/nothing']) {
      const answer = await fetch(`${server.url}${path}?token=${token}`, { headers: { referer: address.replace('#', '?') } })
      expect(`${[...answer.headers].join()}${await answer.text()}`).not.toContain(token)
    }
    const before = lines.length
    expect((await use(token)).status).toBe(200)
    await eventually(() => lines.slice(before).some((line) => line.includes('"path":"/trpc/')))
    expect(lines.join('')).not.toContain(token)
  },
)
