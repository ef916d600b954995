import { afterAll, beforeAll, expect, test } from 'vitest'
import { newAuthenticator } from '../../../test/authenticator.ts'
import { openBrowser, type Answer } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { completeBy, passkeyOrigin, passkeyPassword, passkeyPerson, registerKey, signInBy, stepUpBy } from '../../../test/passkeys.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const [minute, day] = [60_000, 86_400_000]
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: passkeyOrigin, ALLOWED_ORIGINS: 'https://app.plinth.example.com' } })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const person = (habits = {}) => passkeyPerson(server, `keyholder${++last}@example.com`, habits)
const showPassword = (email: string, browser = open()) =>
  browser.mutate('auth.signIn', { email, password: passkeyPassword, delivery: 'COOKIE' })
const lastSession = async () => (await ask('SELECT level, methods::text[] FROM auth.sessions ORDER BY id DESC LIMIT 1'))[0]
const pendingOf = ({ data }: Answer) => (data as { pendingToken: string }).pendingToken

test('a passkey is registered with a name, signs in without an address at level 2, and its session lives for a day', async () => {
  const { key, email, passkey } = await person()
  const { recoveryCodesLeft: _, ...listed } = passkey
  expect(passkey).toEqual({
    id: expect.any(String),
    name: 'first',
    verifiesPerson: true,
    backedUp: false,
    createdAt: expect.any(Date),
    lastUsedAt: null,
    recoveryCodesLeft: 0,
  })
  const browser = open()
  const answer = await signInBy(browser, key)
  expect([answer.status, answer.data]).toMatchObject([200, { status: 'SIGNED_IN', me: { email }, token: null }])
  expect(answer.setCookies[0]).toMatch(/^__Host-plinth_session=pln_s_[\w-]{43}; Max-Age=86400; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  expect(await lastSession()).toEqual({ level: 2, methods: ['PASSKEY'] })
  expect((await browser.query('auth.passkey.list', {})).data).toEqual({
    items: [{ ...listed, lastUsedAt: expect.any(Date) }],
    nextCursor: null,
  })
})

test('a page of ALLOWED_ORIGINS under our host signs in, too', async () => {
  const { key } = await person()
  expect((await signInBy(open(), key, { origin: 'https://app.plinth.example.com' })).status).toBe(200)
})

test('a tool signs in by the secret that it was given, and by nothing else', async () => {
  const { key } = await person({ counts: false })
  const tool = server.client()
  const begun = await tool.auth.passkey.signInOptions.mutate({ delivery: 'TOKEN' })
  expect(begun.secret).toMatch(/^pln_h_[\w-]{43}$/)
  const response = key.sign(begun.options)
  await expect(tool.auth.passkey.signIn.mutate({ response })).rejects.toMatchObject({ data: { code: 'UNAUTHORIZED' } })
  const answer = await tool.auth.passkey.signIn.mutate({ response, secret: begun.secret ?? '' })
  expect(answer).toMatchObject({ status: 'SIGNED_IN', token: expect.stringMatching(/^pln_t_[\w-]{43}$/) })
})

test('after a password the passkey is asked for, and completes the sign-in at level 2', async () => {
  const { key, email } = await person({ verifies: false })
  const first = await showPassword(email)
  expect(first.data).toMatchObject({ status: 'SECOND_FACTOR', methods: ['PASSKEY'] })
  expect((await completeBy(open(), pendingOf(first), key)).data).toMatchObject({ status: 'SIGNED_IN', me: { email } })
  expect(await lastSession()).toEqual({ level: 2, methods: ['PASSWORD', 'PASSKEY'] })
  const unknown = await open().mutate('auth.passkey.secondFactorOptions', { pendingToken: `pln_2_${'A'.repeat(43)}` })
  expect([unknown.status, unknown.error?.data.code]).toEqual([401, 'UNAUTHORIZED'])
})

test('the question for a second factor names the passkeys of its person alone, and asks the authenticator to leave out what is there', async () => {
  const [anna, ben] = [await person(), await person()]
  const pendingToken = pendingOf(await showPassword(anna.email))
  const asked = (await open().mutate('auth.passkey.secondFactorOptions', { pendingToken })).data
  const own = [{ id: anna.key.credentialId, type: 'public-key', transports: ['internal'] }]
  expect(asked).toMatchObject({ allowCredentials: own, userVerification: 'preferred' })
  await stepUpBy(anna.browser, anna.key)
  expect((await anna.browser.mutate('auth.passkey.registerOptions')).data).toMatchObject({
    rp: { id: 'plinth.example.com' },
    excludeCredentials: own,
    authenticatorSelection: { residentKey: 'required' },
    attestation: 'none',
    pubKeyCredParams: [{ alg: -8 }, { alg: -7 }, { alg: -257 }],
  })
  expect(JSON.stringify(asked)).not.toContain(ben.key.credentialId)
})

test('what changes passkeys asks for a fresh proof, which the passkey is: the session goes on under a new token', async () => {
  const { browser, key, passkey } = await person()
  const calls = [
    () => browser.mutate('auth.passkey.registerOptions'),
    () => browser.mutate('auth.passkey.rename', { id: passkey.id, name: 'mine' }),
    () => browser.mutate('auth.passkey.remove', { id: passkey.id }),
  ]
  for (const call of calls) {
    const { status, error } = await call()
    expect([status, error?.data]).toMatchObject([401, { code: 'STEP_UP_REQUIRED', details: { methods: ['PASSKEY'] } }])
  }
  const old = browser.cookies.get('__Host-plinth_session')
  expect((await stepUpBy(browser, key)).data).toMatchObject({ status: 'SIGNED_IN' })
  expect((await openBrowser(server.url, { cookie: `__Host-plinth_session=${old}` }).query('auth.me')).status).toBe(401)
  expect((await browser.mutate('auth.passkey.rename', { id: passkey.id, name: ' mine ' })).data).toMatchObject({ name: 'mine' })
  await advance(server.database.ownerUrl, 11 * minute)
  expect((await browser.mutate('auth.passkey.remove', { id: passkey.id })).error?.data.code).toBe('STEP_UP_REQUIRED')
  const wrong = await stepUpBy(browser, key, { altered: 'SIGNATURE' })
  expect([wrong.status, wrong.error?.data.details]).toEqual([400, { fields: { response: ['is wrong'] } }])
  expect((await stepUpBy(browser, key)).status).toBe(200)
  expect((await browser.mutate('auth.passkey.remove', { id: passkey.id })).data).toEqual({ status: 'REMOVED' })
  expect((await signInBy(open(), key)).status).toBe(401)
})

test('a passkey of somebody else is none, whatever is done with it', async () => {
  const [anna, ben] = [await person(), await person()]
  await stepUpBy(anna.browser, anna.key)
  const ofNobody = '01991f0e-7b1c-7000-8000-000000000000'
  for (const id of [ben.passkey.id, ofNobody]) {
    expect((await anna.browser.mutate('auth.passkey.rename', { id, name: 'x' })).status).toBe(404)
    expect((await anna.browser.mutate('auth.passkey.remove', { id })).status).toBe(404)
  }
  expect((await signInBy(open(), ben.key)).status).toBe(200)
  const asked = (await ben.browser.mutate('auth.passkey.stepUpOptions')).data as object
  const response = anna.key.sign({ ...asked, allowCredentials: [] } as never)
  expect((await ben.browser.mutate('auth.stepUp.passkey', { response })).status).toBe(400)
})

test('nobody removes their last way in, not by twenty calls at once either', async () => {
  const { browser, key, passkey, email } = await person()
  await stepUpBy(browser, key)
  const second = newAuthenticator({ origin: passkeyOrigin })
  const { id } = (await registerKey(browser, second, 'second')).data as { id: string }
  await ask('DELETE FROM auth.passwords WHERE user_id = (SELECT id FROM auth.users WHERE email = $1)', [email])
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => browser.mutate('auth.passkey.remove', { id: i % 2 ? passkey.id : id })),
  )
  const statuses = answers.map(({ status }) => status)
  expect(statuses.filter((status) => status === 200)).toHaveLength(1)
  expect(answers.find(({ status }) => status === 409)?.error?.data.details).toEqual({ reason: 'LAST_METHOD' })
  expect(new Set(statuses)).toEqual(new Set([200, 404, 409]))
  const left = await ask(
    'SELECT FROM auth.passkeys AS p JOIN auth.users AS u ON u.id = user_id WHERE email = $1 AND p.deleted_at IS NULL',
    [email],
  )
  expect(left).toHaveLength(1)
})

test('a passkey that verified its person once is enough by itself from then on', async () => {
  const { browser, key } = await person({ verifies: false })
  expect((await browser.query('auth.passkey.list', {})).data).toMatchObject({ items: [{ verifiesPerson: false }] })
  await signInBy(open(), key, { verifies: true })
  expect((await browser.query('auth.passkey.list', {})).data).toMatchObject({ items: [{ verifiesPerson: true }] })
})

test('nobody has more than twenty passkeys', async () => {
  const { browser, key, email } = await person()
  await ask(
    `INSERT INTO auth.passkeys (id, user_id, name, credential_id, public_key, counter, verifies_person, backed_up, updated_at)
     SELECT gen_random_uuid(), u.id, 'k', 'more' || n, '', 0, true, false, now() FROM auth.users AS u, generate_series(1, 19) AS n WHERE email = $1`,
    [email],
  )
  await stepUpBy(browser, key)
  const answer = await registerKey(browser, newAuthenticator({ origin: passkeyOrigin }), 'one more')
  expect([answer.status, answer.error?.data.details]).toEqual([409, { reason: 'TOO_MANY' }])
})

test('nothing in the database signs anybody in: of a question there is a hash alone, and it is removed a day after its end', async () => {
  const browser = open()
  const { data } = await browser.mutate('auth.passkey.signInOptions', { delivery: 'COOKIE' })
  const { options } = data as { options: { challenge: string } }
  const rows = await ask<{ dump: string }>('SELECT c::text AS dump FROM auth.passkey_challenges AS c')
  const dump = rows.map((row) => row.dump).join('\n')
  for (const secret of [options.challenge, browser.cookies.get('__Host-plinth_visit') ?? '?'])
    for (const form of [secret, Buffer.from(secret).toString('hex'), Buffer.from(secret, 'base64url').toString('hex')])
      expect(dump).not.toContain(form)
  await advance(server.database.ownerUrl, 2 * day)
  const { removeOld } = await import('./retention.ts')
  await removeOld('challenges')
  expect(await ask('SELECT FROM auth.passkey_challenges')).toEqual([])
})
