/** What people do with their accounts while everything around them dies: they sign up, lose their password, link a provider, and leave. */
import { openBrowser, type Answer, type Browser } from '../../browser.ts'
import { mailsTo } from '../../people.ts'
import type { OpenIdProvider } from '../../providers/openid.ts'
import { settled, until } from './until.ts'

export interface World {
  readonly url: string
  /** The folder of the mails, as a URL. */
  readonly outbox: string
  readonly provider: OpenIdProvider
  /** Looks at the database past everybody. */
  readonly ask: <R extends Record<string, unknown>>(sql: string, values?: unknown[]) => Promise<R[]>
}

export type Kind = 'SIGN_UP' | 'RESET' | 'LINK' | 'LEAVE'

/** A person, and what became of them. */
export interface Story {
  readonly kind: Kind
  readonly email: string
  /** What has to let them in in the end, and what must not. */
  password: string
  readonly former: string[]
  readonly used: { readonly procedure: string; readonly input: Record<string, unknown> }[]
  readonly wrong: string[]
}

const rivals = 3

/** Lives one through, however often somebody dies meanwhile. Everybody begins by signing up. */
export async function live(world: World, kind: Kind, email: string): Promise<Story> {
  const story: Story = { kind, email, password: 'nine lazy otters hum', former: [], used: [], wrong: [] }
  await signUp(world, story)
  if (kind === 'RESET') await reset(world, story)
  if (kind === 'LINK') await link(world, story)
  if (kind === 'LEAVE') await leave(world, story)
  return story
}

async function signUp(world: World, story: Story): Promise<void> {
  const { email, password } = story
  await settled(() => openBrowser(world.url).mutate('auth.signUp', { email, name: 'Ada', password }))
  const proven = async () => (await count(world, `SELECT FROM auth.users WHERE email = $1 AND email_verified_at IS NOT NULL`, [email])) > 0
  await useLinks(world, story, { prefix: 'pln_v_', procedure: 'auth.verifyEmail', inputs: () => [{}, {}, {}], done: proven })
}

async function reset(world: World, story: Story): Promise<void> {
  const { email } = story
  await settled(() => openBrowser(world.url).mutate('auth.password.requestReset', { email }))
  const candidates = Array.from({ length: rivals }, (_, index) => `rival ${index} chose this for ${email}`)
  const done = async () => (await traces(world, email, 'auth.password_reset.completed')) > 0
  const inputs = () => candidates.map((password) => ({ password }))
  await useLinks(world, story, { prefix: 'pln_r_', procedure: 'auth.password.reset', inputs, done })
  const opens = await Promise.all(candidates.map(async (password) => (await signIn(world, email, password)).status === 200))
  const [chosen] = candidates.filter((_, index) => opens[index])
  if (chosen === undefined || opens.filter(Boolean).length > 1)
    story.wrong.push(`${opens.filter(Boolean).length} of ${rivals} passwords work`)
  story.former.push(story.password, ...candidates.filter((password) => password !== chosen))
  story.password = chosen ?? story.password
}

async function link(world: World, story: Story): Promise<void> {
  const { email, password } = story
  const isLinked = async () =>
    (await count(world, 'SELECT FROM auth.oauth_accounts WHERE subject = $1 AND deleted_at IS NULL', [email])) > 0
  await until(async () => {
    const browser = openBrowser(world.url)
    await settled(() => browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' }))
    const given = await visitProvider(world, browser, email)
    const answers = await attempts(rivals, () => browser.mutate('auth.provider.finish', given))
    expectOnce(story, 'auth.provider.finish', answers)
    story.used.push({ procedure: 'auth.provider.finish', input: given })
    return (await isLinked()) || null
  })
}

/** Goes to the provider and comes back by the redirect, which may be followed again: only `finish` uses the visit up. */
async function visitProvider({ provider }: World, browser: Browser, sub: string): Promise<Record<string, string>> {
  const begun = await settled(() => browser.mutate('auth.provider.link', { provider: 'company', delivery: 'COOKIE' }))
  // Nothing is awaited between the two: the provider has one person in front of it at a time.
  provider.person = { sub, email: `${sub}.elsewhere`, email_verified: true, name: 'Elsewhere' }
  const atProvider = await fetch((begun.data as { url: string }).url, { redirect: 'manual' })
  const back = atProvider.headers.get('location') ?? ''
  return until(async () => {
    const location = (await fetch(back, { redirect: 'manual' })).headers.get('location')
    return location === null ? null : Object.fromEntries(new URLSearchParams(new URL(location).hash.slice(1)))
  })
}

async function leave(world: World, story: Story): Promise<void> {
  const { email, password } = story
  const isGone = async () => (await count(world, 'SELECT FROM auth.users WHERE email = $1 AND deleted_at IS NULL', [email])) === 0
  await until(async () => {
    const browser = openBrowser(world.url)
    await settled(() => browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' }))
    await settled(() => browser.mutate('auth.account.deactivate'))
    return (await isGone()) || null
  })
}

interface Links {
  readonly prefix: string
  readonly procedure: string
  /** What each rival sends beside the token. */
  readonly inputs: () => Record<string, unknown>[]
  readonly done: () => Promise<boolean>
}

/** Several rivals use the newest link at once, until one of them has done it. */
async function useLinks(world: World, story: Story, { prefix, procedure, inputs, done }: Links): Promise<void> {
  await until(async () => {
    const token = await newestToken(world, story.email, prefix)
    if (token === null) return null
    const answers = await Promise.all(inputs().map((input) => settled(() => openBrowser(world.url).mutate(procedure, { token, ...input }))))
    expectOnce(story, procedure, answers)
    story.used.push({ procedure, input: { token, ...inputs()[0] } })
    return (await done()) || null
  })
}

function expectOnce({ wrong }: Story, procedure: string, answers: readonly Answer[]): void {
  const done = answers.filter(({ status }) => status === 200).length
  if (done > 1) wrong.push(`${procedure} was acknowledged to ${done} with one token`)
  for (const { status, error } of answers) if (status >= 500) wrong.push(`${procedure} was answered ${status} ${error?.data.code}`)
}

async function newestToken({ outbox }: World, email: string, prefix: string): Promise<string | null> {
  for (const { text } of await mailsTo(outbox, email)) {
    const token = new RegExp(`#token=(${prefix}[\\w-]+)`).exec(text)?.[1]
    if (token !== undefined) return token
  }
  return null
}

/** Signs in, until there is an answer. */
export async function signIn({ url }: World, email: string, password: string): Promise<Answer> {
  return settled(() => openBrowser(url).mutate('auth.signIn', { email, password, delivery: 'TOKEN' }))
}

/** How often this was recorded of a person. */
export async function traces(world: World, email: string, event: string): Promise<number> {
  const sql = 'SELECT FROM core.activity AS a JOIN auth.users AS u ON u.id = a.user_id WHERE u.email = $1 AND a.event = $2'
  return count(world, sql, [email, event])
}

async function count({ ask }: World, sql: string, values: unknown[]): Promise<number> {
  return (await ask(sql, values)).length
}

function attempts(many: number, attempt: () => Promise<Answer>): Promise<Answer[]> {
  return Promise.all(Array.from({ length: many }, () => settled(attempt)))
}
