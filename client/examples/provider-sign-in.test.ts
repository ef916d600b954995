import { createClient } from '@plinth/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startOpenIdProvider, type OpenIdProvider } from '../../server/test/providers/openid.ts'
import { startPlexTv, type PlexTv } from '../../server/test/providers/plex.ts'
import { visit } from '../../server/test/providers/visit.ts'
import { startTestServer, type TestServer } from '../../server/test/server.ts'
import { comeBack, leaveFor, signInByPlex } from './provider-sign-in.ts'

const publicUrl = 'https://plinth.example.com'
let server: TestServer
let company: OpenIdProvider
let plex: PlexTv

beforeAll(async () => {
  company = await startOpenIdProvider([`${publicUrl}/auth/callback/company`])
  plex = await startPlexTv()
  const { url: issuer, client } = company
  server = await startTestServer({
    env: {
      PUBLIC_URL: publicUrl,
      OIDC_PROVIDERS: JSON.stringify([{ id: 'company', name: 'Company', issuer, clientId: client.id, clientSecret: client.secret }]),
      PLEX_CLIENT_ID: 'plinth-example',
      PLEX_URL: plex.url,
      PLEX_SIGN_IN_URL: `${plex.url}/auth`,
      PRIVATE_HOSTS: `${company.host},${plex.host}`,
    },
  })
})
afterAll(async () => {
  await server?.stop()
  await company?.stop()
  await plex?.stop()
})

/** The fetch of a page: it sends the cookies that it was given, and says where it comes from. */
function fetchOfPage(): typeof fetch {
  const cookies = new Map<string, string>()
  return async (input, init) => {
    const headers = new Headers(init?.headers)
    headers.set('cookie', [...cookies].map((pair) => pair.join('=')).join('; '))
    headers.set('sec-fetch-site', 'same-origin')
    const response = await fetch(input, { ...init, headers })
    for (const [pair = ''] of response.headers.getSetCookie().map((line) => line.split(';')))
      cookies.set(pair.split('=')[0] ?? '', pair.split('=')[1] ?? '')
    return response
  }
}

const page = () => createClient({ url: server.url, fetch: fetchOfPage() })

/** The browser leaves, the person signs in there, and it comes back: with this behind the #. */
async function thereAndBack(client: ReturnType<typeof page>): Promise<string> {
  let address = ''
  await leaveFor(client, 'company', { assign: (url) => void (address = String(url)) })
  const { page: at, given } = await visit({ publicUrl, url: server.url }, address)
  expect(at).toBe(`${publicUrl}/auth/finish`)
  return `#${new URLSearchParams(given).toString()}`
}

test('a page signs in by way of a provider, and its client is signed in from then on', async () => {
  const client = page()
  company.person = { sub: '1', email: 'ada@example.com', email_verified: true, name: 'Ada' }
  expect(await comeBack(client, await thereAndBack(client))).toEqual({ show: 'HOME', name: 'Ada' })
  expect(await client.auth.me.query()).toMatchObject({ email: 'ada@example.com' })
})

test('a page tells the person what to do where it is no sign-in', async () => {
  const client = page()
  expect(await comeBack(client, '#error=access_denied&provider=company&state=x')).toEqual({ show: 'MESSAGE', text: 'You did not sign in.' })
  await server.signUpAs('bob@example.com')
  company.person = { sub: '2', email: 'bob@example.com', email_verified: true }
  expect(await comeBack(client, await thereAndBack(client))).toMatchObject({ text: expect.stringContaining('You have an account here') })
  expect(await comeBack(client, '#provider=company&state=x&code=y')).toMatchObject({ text: expect.stringContaining('Begin again') })
})

test('a page signs in by Plex while it waits', async () => {
  const user = { id: 7, username: 'cleo', title: 'Cleo', email: 'cleo@example.com' }
  const confirm = (url: string) => void setTimeout(() => plex.confirm(url, user), 300)
  const signIn = (client: ReturnType<typeof page>) => signInByPlex(client, confirm)
  expect(await signIn(page())).toMatchObject({ text: expect.stringContaining('mail') })
  await page().auth.verifyEmail.mutate({ token: await server.tokenMailedTo(user.email) })
  expect(await signIn(page())).toEqual({ show: 'HOME', name: 'Cleo' })
})
