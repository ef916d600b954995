/** What people do with second factors, held against the log: authenticator apps, recovery codes, passkeys. */
import { appWith } from '../authenticator-app.ts'
import { newAuthenticator } from '../authenticator.ts'
import type { Browser } from '../browser.ts'
import { advance } from '../clock.ts'
import { answerOf, passkeyOrigin, registerKey, signInBy, stepUpBy } from '../passkeys.ts'
import { newPerson, password } from './people.ts'
import { ids, type Stage } from './stage.ts'

/** Signs in by the password; gives what the sign-in waits by. */
async function pendingOf(browser: Browser, email: string): Promise<string> {
  const { data } = await browser.mutate('auth.signIn', { email, password, delivery: 'TOKEN' })
  return (data as { pendingToken: string }).pendingToken
}

export async function authenticatorApp(stage: Stage): Promise<void> {
  const [{ open, leaves }, about] = [stage, 'theo@example.com']
  const [browser, stranger] = [await newPerson(stage, about), open()]
  const own = { by: about, about }
  const { secret } = (await leaves(browser.mutate('auth.totp.enrol'), 200, { event: 'auth.totp.enrolled', ...own })).data as {
    secret: string
  }
  const app = appWith(secret)
  const confirm = (code: string) => browser.mutate('auth.totp.confirm', { code })
  await leaves(confirm('000000'), 400, { event: 'auth.totp.confirmation_failed', ...own })
  await leaves(confirm(app.code()), 200, { event: 'auth.totp.confirmed', ...own, data: { recoveryCodesLeft: 0, ...ids('tokenId') } })
  const signIn = stranger.mutate('auth.signIn', { email: about, password, delivery: 'TOKEN' })
  const required = { event: 'auth.second_factor.required', about, data: { method: 'PASSWORD' } }
  const { pendingToken } = (await leaves(signIn, 200, required)).data as { pendingToken: string }
  const complete = (code: string) => stranger.mutate('auth.secondFactor.totp', { pendingToken, code })
  const failed = { event: 'auth.second_factor.failed', data: { method: 'TOTP' } }
  await leaves(complete('000000'), 401, { ...failed, about })
  const right = app.code(1)
  await leaves(complete(right), 200, { event: 'auth.session.started', about, data: { ...ids('sessionId'), kind: 'BEARER' } })
  await leaves(complete(right), 401, failed)
  const notEnough = { event: 'auth.step_up.failed', ...own, data: { method: 'PASSWORD' } }
  await leaves(browser.mutate('auth.stepUp.password', { password }), 401, notEnough)
  await leaves(browser.mutate('auth.stepUp.requestEmail'), 401, { ...notEnough, data: { method: 'EMAIL' } })
  await advance(stage.server.database.ownerUrl, 60_000)
  await leaves(browser.mutate('auth.stepUp.totp', { code: '000000' }), 400, { ...notEnough, data: { method: 'TOTP' } })
  const stepped = { event: 'auth.session.stepped_up', ...own, data: { ...ids('sessionId'), method: 'TOTP' } }
  await leaves(browser.mutate('auth.stepUp.totp', { code: app.code() }), 200, stepped)
  await recoveryCodes(stage, browser, about)
  await leaves(browser.mutate('auth.totp.disable'), 200, { event: 'auth.totp.disabled', ...own })
}

async function recoveryCodes({ open, leaves }: Stage, browser: Browser, about: string): Promise<void> {
  const [own, stranger] = [{ by: about, about }, open()]
  const made = await leaves(browser.mutate('auth.recoveryCode.regenerate'), 200, { event: 'auth.recovery_codes.regenerated', ...own })
  const [first, second] = (made.data as { codes: string[] }).codes
  const pendingToken = await pendingOf(stranger, about)
  const complete = (code = '') => stranger.mutate('auth.secondFactor.recoveryCode', { pendingToken, code })
  const method = 'RECOVERY_CODE'
  await leaves(complete('AAAA-AAAA-AAAA-AAAA'), 401, { event: 'auth.second_factor.failed', about, data: { method } })
  await leaves(
    complete(first),
    200,
    { event: 'auth.recovery_code.used', about, data: { left: 9 } },
    { event: 'auth.session.started', about, data: { ...ids('sessionId'), kind: 'BEARER' } },
  )
  const stepUp = (code = '') => browser.mutate('auth.stepUp.recoveryCode', { code })
  await leaves(stepUp(first), 400, { event: 'auth.step_up.failed', ...own, data: { method } })
  await leaves(
    stepUp(second),
    200,
    { event: 'auth.recovery_code.used', ...own, data: { left: 8 } },
    { event: 'auth.session.stepped_up', ...own, data: { ...ids('sessionId'), method } },
  )
}

export async function passkeys(stage: Stage): Promise<void> {
  const [{ open, leaves }, about] = [stage, 'pia@example.com']
  const [browser, stranger, key] = [await newPerson(stage, about), open(), newAuthenticator({ origin: passkeyOrigin })]
  const own = { by: about, about }
  await leaves(registerKey(browser, key, 'mine', { origin: 'https://evil.example' }), 400, {
    event: 'auth.passkey.registration_failed',
    ...own,
  })
  const registered = { event: 'auth.passkey.registered', ...own, data: { ...ids('passkeyId', 'tokenId'), recoveryCodesLeft: 0 } }
  const { id } = (await leaves(registerKey(browser, key, 'mine'), 200, registered)).data as { id: string }
  const started = { event: 'auth.session.started', about, data: { ...ids('sessionId'), kind: 'COOKIE' } }
  await leaves(signInBy(stranger, key), 200, started)
  await leaves(signInBy(open(), key, { origin: 'https://evil.example' }), 401, { event: 'auth.sign_in.failed' })
  const cloned = { event: 'auth.passkey.clone_suspected', about, data: { passkeyId: id } }
  await leaves(signInBy(open(), key, { counter: 1 }), 401, cloned, { event: 'auth.sign_in.failed', about })
  await leaves(stepUpBy(browser, key, { altered: 'SIGNATURE' }), 400, { event: 'auth.step_up.failed', ...own, data: { method: 'PASSKEY' } })
  const stepped = { event: 'auth.session.stepped_up', ...own, data: { ...ids('sessionId'), method: 'PASSKEY' } }
  await leaves(stepUpBy(browser, key), 200, stepped)
  const taken = { credentialId: key.credentialId }
  await leaves(registerKey(browser, newAuthenticator({ origin: passkeyOrigin }), 'copy', taken), 409, {
    event: 'auth.passkey.registration_refused',
    ...own,
  })
  const wrong = (asked: string) => ({ event: 'auth.account.refused', ...own, data: { asked, reason: 'UNKNOWN' } })
  const unknown = '01991f0e-7b1c-7000-8000-000000000000'
  await leaves(browser.mutate('auth.passkey.rename', { id, name: 'x' }), 200, {
    event: 'auth.passkey.renamed',
    ...own,
    data: { passkeyId: id },
  })
  await leaves(browser.mutate('auth.passkey.rename', { id: unknown, name: 'x' }), 404, wrong('passkey.rename'))
  await leaves(browser.mutate('auth.passkey.remove', { id: unknown }), 404, wrong('passkey.remove'))
  await secondFactorByPasskey(stage, about, key)
  await leaves(browser.mutate('auth.passkey.remove', { id }), 200, { event: 'auth.passkey.removed', ...own, data: { passkeyId: id } })
  await takenBack(stage)
}

async function takenBack(stage: Stage): Promise<void> {
  const [{ open, leaves, mailed }, about] = [stage, 'uma@example.com']
  const browser = await newPerson(stage, about)
  await registerKey(browser, newAuthenticator({ origin: passkeyOrigin }), 'somebody else’s')
  const takeBack = (token: string) => open().mutate('auth.account.undoFactor', { token })
  const refused = { event: 'auth.token.refused', data: { purpose: 'FACTOR_UNDO' } }
  await leaves(takeBack('pln_fu_unknown'), 400, refused)
  const token = await mailed(about, /#token=(?<found>pln_fu_[\w-]+)/)
  await leaves(takeBack(token), 200, { event: 'auth.factor.undone', about, data: { factor: 'PASSKEY' } })
  await leaves(takeBack(token), 400, { ...refused, about })
}

async function secondFactorByPasskey({ open, leaves }: Stage, about: string, key: ReturnType<typeof newAuthenticator>): Promise<void> {
  const browser = open()
  const pendingToken = await pendingOf(browser, about)
  const complete = async (more: object = {}) => {
    const { data } = await browser.mutate('auth.passkey.secondFactorOptions', { pendingToken })
    return browser.mutate('auth.secondFactor.passkey', { pendingToken, response: key.sign(data as never, more) })
  }
  const failed = { event: 'auth.second_factor.failed', data: { method: 'PASSKEY' } }
  await leaves(complete({ altered: 'DATA' }), 401, { ...failed, about })
  await leaves(complete(), 200, { event: 'auth.session.started', about, data: { ...ids('sessionId'), kind: 'BEARER' } })
  await leaves(browser.mutate('auth.passkey.secondFactorOptions', { pendingToken }), 401, failed)
  const response = await answerOf(browser, key)
  await leaves(browser.mutate('auth.secondFactor.passkey', { pendingToken, response }), 401, failed)
}
