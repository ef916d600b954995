/** What people do by themselves, held against the log: sign up, sign in by a password, a mail or a device, sign out, choose another password or address. */
import { useThrottles } from '../../src/services/auth/index.ts'
import type { Browser } from '../browser.ts'
import { advance } from '../clock.ts'
import { ids, type Stage } from './stage.ts'

export const password = 'nine lazy otters hum'
const nextPassword = 'eleven calm badgers dig'
const wrong = 'mallory was here first'

const verification = /#token=(?<found>pln_v_[\w-]+)/

/** Signs somebody up and proves their address; gives a browser in which they are signed in. */
export async function newPerson({ open, mailed }: Stage, email: string): Promise<Browser> {
  const browser = open()
  await browser.mutate('auth.signUp', { email, name: 'Somebody', password })
  await browser.mutate('auth.verifyEmail', { token: await mailed(email, verification) })
  await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  return browser
}

/** Runs with the throttles on. */
export async function throttled(work: () => Promise<void>): Promise<void> {
  useThrottles(true)
  await work().finally(() => useThrottles(false))
}

export async function signUp({ open, leaves, mailed }: Stage): Promise<void> {
  const [browser, about] = [open(), 'ada@example.com']
  const again = { email: about, name: 'Ada', password }
  const requested = { event: 'auth.email_verification.requested', about, data: ids('tokenId') }
  await leaves(browser.mutate('auth.signUp', again), 200, { event: 'auth.user.created', about }, requested)
  await leaves(browser.mutate('auth.signUp', again), 200, requested)
  const refused = { event: 'auth.token.refused', data: { purpose: 'EMAIL_VERIFICATION' } }
  await leaves(browser.mutate('auth.verifyEmail', { token: 'pln_v_unknown' }), 400, refused)
  const token = await mailed(about, verification)
  await leaves(browser.mutate('auth.verifyEmail', { token }), 200, { event: 'auth.email.verified', about })
  await leaves(browser.mutate('auth.verifyEmail', { token }), 400, { ...refused, about })
  await leaves(browser.mutate('auth.signUp', again), 200, { event: 'auth.sign_up.repeated', about })
  await throttled(async () => {
    for (let mail = 1; mail <= 3; mail += 1)
      await leaves(browser.mutate('auth.signUp', again), 200, { event: 'auth.sign_up.repeated', about })
    await leaves(browser.mutate('auth.signUp', again), 200, { event: 'auth.mail.throttled', about, data: { kind: 'SIGN_UP' } })
  })
}

export async function contestedSignUp({ open, leaves, mailed }: Stage): Promise<void> {
  const [browser, about] = [open(), 'eve@example.com']
  for (const each of [wrong, password]) await browser.mutate('auth.signUp', { email: about, name: 'Eve', password: each })
  const token = await mailed(about, verification)
  await leaves(
    browser.mutate('auth.verifyEmail', { token }),
    200,
    { event: 'auth.email.verified', about },
    { event: 'auth.sign_up.contested', about, data: ids('tokenId') },
  )
}

export async function signIn({ open, leaves }: Stage): Promise<void> {
  const [browser, about] = [open(), 'ada@example.com']
  const by = (given: string, email = about) => browser.mutate('auth.signIn', { email, password: given, delivery: 'COOKIE' })
  const started = { event: 'auth.session.started', about, data: { ...ids('sessionId'), kind: 'COOKIE' } }
  await leaves(by(wrong), 401, { event: 'auth.sign_in.failed', about })
  await leaves(by(password, 'nobody@example.com'), 401, { event: 'auth.sign_in.failed' })
  await leaves(by(password), 200, started)
  const ended = { event: 'auth.session.ended', about, data: { ...ids('sessionId'), reason: 'REPLACED' } }
  await leaves(by(password), 200, ended, started)
  const signedOut = { ...ended, by: about, data: { ...ids('sessionId'), reason: 'SIGNED_OUT' } }
  await leaves(browser.mutate('auth.signOut'), 200, signedOut)
  browser.cookies.clear()
  await throttled(async () => {
    for (let guess = 1; guess <= 5; guess += 1) await leaves(by(wrong), 401, { event: 'auth.sign_in.failed', about })
    await leaves(by(password), 429, { event: 'auth.sign_in.throttled', about, data: { by: 'ACCOUNT' } })
  })
}

export async function sessions(stage: Stage): Promise<void> {
  const [{ leaves }, about] = [stage, 'sam@example.com']
  const browser = await newPerson(stage, about)
  const { data } = await stage.open().mutate('auth.signIn', { email: about, password, delivery: 'TOKEN' })
  const { sessionId } = data as { sessionId: string }
  const revoke = () => browser.mutate('auth.session.revoke', { sessionId })
  const revoked = { event: 'auth.session.ended', by: about, about, data: { sessionId, reason: 'REVOKED' } }
  await leaves(revoke(), 200, revoked)
  await leaves(revoke(), 404, { event: 'auth.account.refused', by: about, about, data: { asked: 'session.revoke', reason: 'UNKNOWN' } })
  const others = { event: 'auth.session.others_ended', by: about, about, data: { count: 0 } }
  await leaves(browser.mutate('auth.session.revokeOthers'), 200, others)
  await leaves(browser.mutate('auth.stepUp.password', { password: wrong }), 400, {
    event: 'auth.step_up.failed',
    by: about,
    about,
    data: { method: 'PASSWORD' },
  })
  await leaves(browser.mutate('auth.stepUp.password', { password }), 200, {
    event: 'auth.session.stepped_up',
    by: about,
    about,
    data: { ...ids('sessionId'), method: 'PASSWORD' },
  })
}

export async function remembered({ open, leaves, server }: Stage): Promise<void> {
  const [browser, copy, about] = [open(), open(), 'ada@example.com']
  const signIn = () => browser.mutate('auth.signIn', { email: about, password, delivery: 'COOKIE', remember: true })
  await signIn()
  for (const [name, value] of browser.cookies) if (name.includes('remember')) copy.cookies.set(name, value)
  const ended = { event: 'auth.session.ended', about, data: { ...ids('sessionId'), reason: 'REPLACED' } }
  const started = { event: 'auth.session.started', about, data: { ...ids('sessionId'), kind: 'COOKIE' } }
  await leaves(browser.mutate('auth.remembered.signIn', { delivery: 'COOKIE' }), 200, ended, started)
  const again = () => copy.mutate('auth.remembered.signIn', { delivery: 'COOKIE' })
  await leaves(again(), 409, { event: 'auth.remembered.shown_together', about })
  await advance(server.database.ownerUrl, 31_000)
  await leaves(
    again(),
    401,
    { event: 'auth.remembered.shown_twice', about, data: { sessions: 1 } },
    { event: 'auth.sign_in.failed', about },
  )
  await signIn()
  browser.cookies.delete('__Host-plinth_session')
  await leaves(signIn(), 200, { event: 'auth.remembered.replaced', about, data: { sessions: 1 } }, started)
  await leaves(open().mutate('auth.remembered.signIn', { delivery: 'TOKEN', token: 'pln_d_unknown' }), 401, {
    event: 'auth.sign_in.failed',
  })
}

export async function resetPassword(stage: Stage): Promise<void> {
  const [{ open, leaves, mailed }, about] = [stage, 'rita@example.com']
  const [browser, stranger] = [await newPerson(stage, about), open()]
  const ask = (email = about) => stranger.mutate('auth.password.requestReset', { email })
  const requested = { event: 'auth.password_reset.requested', data: ids('tokenId') }
  await throttled(async () => {
    for (let mail = 1; mail <= 3; mail += 1) await leaves(ask(), 200, { ...requested, about })
    await leaves(ask(), 200, { event: 'auth.mail.throttled', about, data: { kind: 'RESET' } })
  })
  await leaves(ask('nobody@example.com'), 200, requested)
  const reset = (token: string) => stranger.mutate('auth.password.reset', { token, password: nextPassword })
  const refused = { event: 'auth.token.refused', data: { purpose: 'PASSWORD_RESET' } }
  await leaves(reset('pln_r_unknown'), 400, refused)
  await ask()
  const token = await mailed(about, /#token=(?<found>pln_r_[\w-]+)/)
  await leaves(reset(token), 200, { event: 'auth.password_reset.completed', about })
  await leaves(reset(token), 400, { ...refused, about })
  await browser.mutate('auth.signIn', { email: about, password: nextPassword, delivery: 'COOKIE' })
  const change = (currentPassword: string) => browser.mutate('auth.password.change', { currentPassword, password })
  await leaves(change(wrong), 400, { event: 'auth.password.change_refused', by: about, about })
  const started = { event: 'auth.session.started', by: about, about, data: { ...ids('sessionId'), kind: 'COOKIE' } }
  await leaves(change(nextPassword), 200, { event: 'auth.password.changed', by: about, about }, started)
}
