/** What people do by way of providers, held against the log. */
import type { Browser } from '../browser.ts'
import type { OpenIdProvider, Person } from '../providers/openid.ts'
import type { PlexTv } from '../providers/plex.ts'
import { visit } from '../providers/visit.ts'
import { newPerson } from './people.ts'
import { ids, type Stage } from './stage.ts'

const unknown = '01991f0e-7b1c-7000-8000-000000000000'

export async function openIdProvider(stage: Stage, company: OpenIdProvider): Promise<void> {
  const { leaves, open } = stage
  const about = 'olga@example.com'
  const olga = { sub: 'olga', email: about, email_verified: true, name: 'Olga' }
  const comesBack = (browser: Browser, person: Person, by = 'start') => goAndComeBack(stage, company, { browser, person, by })
  const provider = { provider: 'company' }
  const linked = { event: 'auth.provider.linked', data: { ...provider, ...ids('tokenId') } }
  const started = { event: 'auth.session.started', about, data: { ...ids('sessionId'), kind: 'COOKIE' } }
  const refused = { event: 'auth.provider.refused', data: provider }
  const [first, again] = [open(), open()]
  const given = await comesBack(first, olga)
  await leaves(open().mutate('auth.provider.finish', given), 400, refused)
  await leaves(first.mutate('auth.provider.finish', given), 200, { event: 'auth.user.created', about }, { ...linked, about }, started)
  await leaves(again.mutate('auth.provider.finish', await comesBack(again, olga)), 200, started)
  company.lies = { claims: { aud: 'somebody else' } }
  await leaves(again.mutate('auth.provider.finish', await comesBack(again, olga)), 400, { ...refused, by: about, about })
  company.lies = {}
  await newcomers(stage, company)
  await links(stage, company, first)
}

/** Those whose address the provider does not vouch for, names none of, or that has an account here. */
async function newcomers(stage: Stage, company: OpenIdProvider): Promise<void> {
  const { leaves, open } = stage
  const finish = async (person: Person) => {
    const browser = open()
    return browser.mutate('auth.provider.finish', await goAndComeBack(stage, company, { browser, person, by: 'start' }))
  }
  const refused = { event: 'auth.provider.refused', data: { provider: 'company' } }
  const about = 'nora@example.com'
  await leaves(
    finish({ sub: 'nora', email: about, email_verified: false }),
    200,
    { event: 'auth.user.created', about },
    { event: 'auth.email_verification.requested', about, data: ids('tokenId') },
  )
  await leaves(finish({ sub: 'nameless' }), 409, refused)
  await leaves(finish({ sub: 'other', email: 'ada@example.com', email_verified: true }), 409, { ...refused, about: 'ada@example.com' })
}

async function links(stage: Stage, company: OpenIdProvider, olga: Browser): Promise<void> {
  const [{ leaves }, about] = [stage, 'lina@example.com']
  const browser = await newPerson(stage, about)
  const own = { by: about, about }
  const provider = { provider: 'company' }
  const back = (sub: string, by = 'link') => goAndComeBack(stage, company, { browser, person: { sub }, by })
  await leaves(browser.mutate('auth.provider.finish', await back('olga')), 409, {
    event: 'auth.provider.link_refused',
    ...own,
    data: provider,
  })
  const linked = { event: 'auth.provider.linked', ...own, data: { ...provider, ...ids('tokenId') } }
  const { data } = await leaves(browser.mutate('auth.provider.finish', await back('lina')), 200, linked)
  const { id } = (data as { account: { id: string } }).account
  const stepped = { event: 'auth.session.stepped_up', ...own, data: { ...ids('sessionId'), method: 'PROVIDER' } }
  const failed = { event: 'auth.step_up.failed', ...own, data: { method: 'PROVIDER' } }
  await leaves(browser.mutate('auth.stepUp.provider', await back('olga', 'proveAgain')), 400, failed)
  await leaves(browser.mutate('auth.stepUp.provider', await back('lina', 'proveAgain')), 200, stepped)
  const unlink = (which: string) => browser.mutate('auth.provider.unlink', { id: which })
  const wrong = (reason: string) => ({ event: 'auth.account.refused', data: { asked: 'provider.unlink', reason } })
  await leaves(unlink(unknown), 404, { ...wrong('UNKNOWN'), ...own })
  await leaves(unlink(id), 200, { event: 'auth.provider.unlinked', ...own, data: provider })
  const [only] = await stage.ask<{ id: string }>(`SELECT id FROM auth.oauth_accounts WHERE subject = 'olga'`)
  const theirs = { by: 'olga@example.com', about: 'olga@example.com' }
  const proven = await goAndComeBack(stage, company, { browser: olga, person: { sub: 'olga' }, by: 'proveAgain' })
  await leaves(olga.mutate('auth.stepUp.provider', proven), 200, { ...stepped, ...theirs })
  await leaves(olga.mutate('auth.provider.unlink', { id: only?.id }), 409, { ...wrong('LAST_METHOD'), ...theirs })
}

interface Coming {
  readonly browser: Browser
  readonly person: Person
  /** What the visit is begun by. */
  readonly by: string
}

async function goAndComeBack({ server }: Stage, company: OpenIdProvider, { browser, person, by }: Coming): Promise<object> {
  company.person = person
  company.authenticatedAt = Math.floor(Date.now() / 1000) + 3_600
  const { url } = (await browser.mutate(`auth.provider.${by}`, { provider: 'company', delivery: 'COOKIE' })).data as { url: string }
  return (await visit({ publicUrl: server.config.PUBLIC_URL, url: server.url }, url)).given
}

export async function plex(stage: Stage, tv: PlexTv): Promise<void> {
  const [{ leaves, open }, about] = [stage, 'paul@example.com']
  const browser = await newPerson(stage, about)
  const refused = { event: 'auth.provider.refused', data: { provider: 'plex' } }
  const viewer = { id: 4_711, username: 'paul', title: 'Paul', email: null }
  const begin = async (by: Browser, how: string) =>
    (await by.mutate(`auth.plex.${how}`, { delivery: 'COOKIE' })).data as { id: string; url: string }
  const check = (by: Browser, id: string) => by.mutate('auth.plex.check', { id, wait: 0 })
  const link = await begin(browser, 'link')
  await leaves(check(browser, link.id), 200)
  tv.confirm(link.url, viewer)
  await stage.ask(`UPDATE auth.provider_attempts SET asked_at = NULL WHERE id = $1`, [link.id])
  await leaves(check(open(), link.id), 401, refused)
  const data = { provider: 'plex', ...ids('tokenId') }
  await leaves(check(browser, link.id), 200, { event: 'auth.provider.linked', by: about, about, data })
  await leaves(check(browser, link.id), 401, { ...refused, by: about, about })
  const stranger = open()
  const signIn = await begin(stranger, 'start')
  tv.confirm(signIn.url, viewer)
  const started = { event: 'auth.session.started', about, data: { ...ids('sessionId'), kind: 'COOKIE' } }
  await leaves(check(stranger, signIn.id), 200, started)
}
