/** What administrators do, held against the log; and what is left of who leaves. */
import { expect } from 'vitest'
import { setUpCode } from '../../src/services/auth/index.ts'
import { eraseDueAccounts } from '../../src/services/auth/erasure.ts'
import type { Browser } from '../browser.ts'
import { advance } from '../clock.ts'
import { eventually } from '../outbox.ts'
import { newPerson, password, throttled } from './people.ts'
import { ids, type Stage } from './stage.ts'

const nobody = 'tz4a98xxat96iws9zmbrgj3a'
const boss = 'boss@example.com'

export async function setUp({ open, leaves }: Stage): Promise<Browser> {
  const browser = open()
  const by = (code: string | null) => browser.mutate('auth.setUp', { code, email: boss, name: 'Boss', password })
  await leaves(by('pln_setup_unknown'), 400, { event: 'auth.token.refused', data: { purpose: 'SETUP' } })
  await leaves(by(await setUpCode()), 200, { event: 'auth.administrator.created', about: boss })
  await browser.mutate('auth.signIn', { email: boss, password, delivery: 'COOKIE' })
  return browser
}

export async function people(stage: Stage, browser: Browser): Promise<void> {
  const [{ leaves, open }, about] = [stage, 'dora@example.com']
  await newPerson(stage, about)
  const [user] = await stage.ask<{ id: string }>('SELECT id FROM auth.users WHERE email = $1', [about])
  const does = (what: string, more: object = {}, userId = user?.id) => browser.mutate(`auth.person.${what}`, { userId, ...more })
  const left = (event: string, data: unknown = {}) => ({ event: `auth.person.${event}`, by: boss, about, data })
  const refused = (asked: string, reason: string, more: object = {}) => ({
    event: 'auth.person.refused',
    by: boss,
    data: { asked, reason },
    ...more,
  })
  await leaves(does('disable'), 200, left('disabled'))
  const support = { reason: 'SUPPORT' }
  await leaves(does('impersonate', support), 403, refused('impersonate', 'MAY_NOT_SIGN_IN', { about }))
  await leaves(does('restore'), 200, left('restored'))
  await leaves(does('endSessions'), 200, left('sessions_ended', { count: 0 }))
  const reset = { event: 'auth.password_reset.requested', by: boss, about, data: ids('tokenId') }
  await leaves(does('requireReset'), 200, left('reset_required'), reset)
  await leaves(does('setRole', { role: 'ADMIN' }), 200, left('role_changed', { from: 'USER', to: 'ADMIN' }))
  await leaves(does('impersonate', support), 403, refused('impersonate', 'ADMINISTRATOR', { about }))
  await leaves(does('removeFactors'), 403, refused('removeFactors', 'ADMINISTRATOR', { about }))
  await leaves(does('setRole', { role: 'USER' }), 200, left('role_changed', { from: 'ADMIN', to: 'USER' }))
  await leaves(does('removeFactors'), 200, left('factors_removed', { passkeys: 0, apps: 0, providers: 0 }))
  for (const asked of ['disable', 'restore', 'endSessions', 'requireReset', 'removeFactors'])
    await leaves(does(asked, {}, nobody), 404, refused(asked, 'UNKNOWN'))
  await leaves(does('setRole', { role: 'USER' }, nobody), 404, refused('setRole', 'UNKNOWN'))
  await leaves(does('impersonate', support, nobody), 404, refused('impersonate', 'UNKNOWN'))
  const [me] = await stage.ask<{ id: string }>('SELECT id FROM auth.users WHERE email = $1', [boss])
  await leaves(does('disable', {}, me?.id), 403, refused('disable', 'ONESELF', { about: boss }))
  const begun = await leaves(
    does('impersonate', { reason: 'SUPPORT', ticket: '#42' }),
    200,
    { event: 'auth.session.started', by: boss, about, data: { ...ids('sessionId'), kind: 'BEARER' } },
    left('impersonated', { ...ids('sessionId'), reason: 'SUPPORT', ticket: '#42' }),
  )
  const eyes = open((begun.data as { token: string }).token)
  const asBoth = { event: 'teams.team.created', by: about, about, inNameOf: boss, team: expect.any(String) }
  await leaves(eyes.mutate('teams.create', { name: 'Made by support', slug: 'made-by-support' }), 200, asBoth)
}

export async function roles(stage: Stage, browser: Browser): Promise<void> {
  const [{ leaves }, about] = [stage, 'dora@example.com']
  const [user] = await stage.ask<{ id: string }>('SELECT id FROM auth.users WHERE email = $1', [about])
  const give = (role: string, userId = user?.id) => browser.mutate('auth.membership.grant', { application: 'media', userId, role })
  const withdraw = () => browser.mutate('auth.membership.withdraw', { application: 'media', userId: user?.id })
  const own = { by: boss, about }
  const member = ids('applicationId', 'membershipId')
  await leaves(give('USER'), 200, { event: 'auth.membership.created', ...own, data: { ...member, role: 'USER', how: 'GRANTED' } })
  await leaves(give('ADMIN'), 200, { event: 'auth.membership.role_changed', ...own, data: { ...member, from: 'USER', to: 'ADMIN' } })
  await stage.ask('UPDATE auth.memberships SET active = false WHERE user_id = $1', [user?.id])
  await leaves(give('ADMIN'), 200, { event: 'auth.membership.updated', ...own, data: { ...member, fields: ['active'] } })
  const refused = (asked: string) => ({ event: 'auth.person.refused', by: boss, data: { asked, reason: 'UNKNOWN' } })
  await leaves(give('USER', nobody), 404, refused('grant'))
  await leaves(withdraw(), 200, { event: 'auth.membership.ended', ...own, data: { ...member, reason: 'WITHDRAWN' } })
  await leaves(withdraw(), 404, refused('withdraw'))
}

export async function leaving(stage: Stage): Promise<void> {
  const [{ leaves, mailed, open }, about] = [stage, 'lea@example.com']
  const browser = await newPerson(stage, about)
  const own = { by: about, about }
  const [request, requested] = [
    () => browser.mutate('auth.account.dataExport.request'),
    { event: 'auth.data_export.requested', ...own, data: ids('exportId') },
  ]
  await throttled(async () => {
    for (let time = 1; time <= 3; time += 1) await leaves(request(), 200, requested)
    await leaves(request(), 429, { event: 'auth.mail.throttled', ...own, data: { kind: 'DATA_EXPORT' } })
  })
  const { id: exportId } = (await request()).data as { id: string }
  const ready = async () =>
    ((await browser.query('auth.account.dataExport.list', {})).data as { items: { status: string }[] }).items[0]?.status
  await eventually(async () => (await ready()) === 'READY')
  const download = () => browser.mutate('auth.account.dataExport.download', { exportId })
  await leaves(download(), 200, { event: 'auth.data_export.downloaded', ...own, data: { exportId } })
  const refused = (asked: string, reason: string) => ({ event: 'auth.account.refused', ...own, data: { asked, reason } })
  await leaves(download(), 404, refused('dataExport.download', 'UNKNOWN'))
  for (const [create, end] of [
    ['teams.create', 'teams.delete'],
    ['auth.application.create', 'auth.application.delete'],
  ] as const) {
    const own = await browser.mutate(
      create,
      create === 'teams.create' ? { name: 'Of Lea', slug: 'of-lea' } : { name: 'Of Lea', type: 'WEB' },
    )
    await leaves(browser.mutate('auth.account.deactivate'), 409, refused('account.deactivate', 'LAST_OWNER'))
    const { id } = own.data as { id: string }
    await browser.mutate(end, end === 'teams.delete' ? { teamId: id } : { applicationId: id })
  }
  const deactivated = { event: 'auth.account.deactivated', ...own, data: ids('tokenId') }
  await leaves(browser.mutate('auth.account.deactivate'), 200, deactivated)
  const reactivate = (token: string) => open().mutate('auth.account.reactivate', { token })
  await leaves(reactivate('pln_ra_unknown'), 400, { event: 'auth.token.refused', data: { purpose: 'ACCOUNT_REACTIVATION' } })
  await leaves(reactivate(await mailed(about, /#token=(?<found>pln_ra_[\w-]+)/)), 200, { event: 'auth.account.reactivated', about })
}

/** Leaves, and is erased when the time has come: by the system, and by no call. */
export async function erased(stage: Stage): Promise<void> {
  const browser = await newPerson(stage, 'fay@example.com')
  await browser.mutate('auth.account.deactivate')
  await advance(stage.server.database.ownerUrl, 30 * 24 * 60 * 60 * 1000 + 1_000)
  await eraseDueAccounts()
}
