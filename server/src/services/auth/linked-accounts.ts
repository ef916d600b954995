/** What people are at other providers, linked to their accounts here. The key is provider and subject; an address links nothing. */
import { randomUUIDv7 } from 'node:crypto'
import { db, keyset, transaction, type Row, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { OauthAccountId } from '#lib/ids.ts'
import { openSecret, sealSecret } from '#lib/sealed.ts'
import { offerUndo } from './added-factors.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import type { Identity } from './provider.ts'
import { refuseLastMethod, refuseUnknown } from './refusals.ts'
import type { LinkedAccount, LinkedAccountList, ListLinkedAccounts, ProviderUnlinked, UnlinkProvider } from './schema-provider.ts'
import { countWaysIn } from './ways-in.ts'

/** Gives whose identity this is, or null where it is nobody's here. */
export async function findLinked(
  tx: Tx<'auth'>,
  provider: string,
  { subject }: Pick<Identity, 'subject'>,
): Promise<Row<'oauthAccount'> | null> {
  return tx.oauthAccount.findFirst({ where: { provider, subject } })
}

/**
 * Links an identity to an account whose row the caller has locked. Gives null where it is somebody's already, also when that somebody was a
 * moment faster.
 */
export async function link(tx: Tx<'auth'>, userId: string, provider: string, identity: Identity): Promise<Row<'oauthAccount'> | null> {
  const id = randomUUIDv7()
  const data = { id, userId, provider, subject: identity.subject, createdAt: tx.now, ...kept(id, identity) }
  const [created] = await tx.oauthAccount.createManyAndReturn({ data: [data], skipDuplicates: true })
  if (!created) return null
  tx.record('auth.provider.linked', { user: userId }, { provider, tokenId: await offerUndo(tx, userId, { kind: 'PROVIDER', id }) })
  return created
}

/** Takes links away, with the tokens of their providers, and gives how many. The caller has locked the account. */
export async function dropLinks(tx: Tx<'auth'>, which: { userId: string; id?: string; createdAt?: { gte: Date } }): Promise<number> {
  await tx.oauthAccount.updateMany({ where: which, data: { sealedToken: null } })
  return (await tx.oauthAccount.deleteMany({ where: which })).count
}

/** Keeps what the provider says of the person now. The account here stays as it is: its address is its own. Says whether it is still linked. */
export async function noteUse(tx: Tx<'auth'>, id: string, identity: Identity): Promise<boolean> {
  const { count } = await tx.oauthAccount.updateMany({ where: { id }, data: { ...kept(id, identity), lastUsedAt: tx.now } })
  return count > 0
}

function kept(id: string, { email, name, token }: Identity) {
  return { email, name, sealedToken: token === null ? null : sealSecret(token, aboutToken(id)) }
}

/** What somebody is at a provider, kept with their sign-up until the address is proven. */
export interface Origin {
  readonly provider: string
  readonly identity: Identity
}

/** Seals what a sign-up came by: there may be a provider's token in it. */
export function sealOrigin(userId: string, origin: Origin): string {
  return sealSecret(JSON.stringify(origin), `sign-up:${userId}`)
}

/** Links what a confirmed sign-up came by. Where somebody else was linked to it meanwhile it stays theirs: the account is there, by its address. */
export async function linkOrigin(tx: Tx<'auth'>, userId: string, sealed: string): Promise<void> {
  // What was sealed here is what it was.
  const { provider, identity } = JSON.parse(openSecret(sealed, `sign-up:${userId}`)) as Origin
  await link(tx, userId, provider, identity)
}

/** Lists what the person is at providers, newest first. */
export async function listLinked(actor: UserActor, page: ListLinkedAccounts): Promise<LinkedAccountList> {
  const { where, take, cut } = keyset(page, 'id', { order: 'desc' })
  const mine = { userId: actor.userId, ...where }
  const { items, nextCursor } = cut(await db('auth').oauthAccount.findMany({ where: mine, orderBy: { id: 'desc' }, take }))
  return { items: items.map(presentLinked), nextCursor }
}

/**
 * Takes away one way to sign in. The token of the provider goes with it.
 *
 * @throws NOT_FOUND for somebody else's, as for none; CONFLICT LAST_METHOD when the person has nothing else to sign in by.
 */
export async function unlink(actor: UserActor, { id }: UnlinkProvider): Promise<ProviderUnlinked> {
  return transaction('auth', actor, async (tx) => {
    const user = await lockCaller(tx, actor)
    if (!user) return refuseCaller()
    const linked = await tx.oauthAccount.findFirst({ where: { id, userId: user.id } })
    if (!linked) return refuseUnknown(tx, actor, 'provider.unlink', 'There is no such linked account.')
    if ((await countWaysIn(tx, user.id)) === 1) {
      return refuseLastMethod(
        tx,
        actor,
        'provider.unlink',
        'This is all that you can sign in by. Choose a password, or link another, first.',
      )
    }
    await dropLinks(tx, { id, userId: user.id })
    tx.record('auth.provider.unlinked', { user: user.id }, { provider: linked.provider })
    return { status: 'UNLINKED' }
  })
}

/**
 * Gives the token by which this server may act at Plex for a person, or null where they have linked none. It is worth the whole Plex account: it
 * stays in memory, and in no answer, event or log.
 */
export async function plexTokenOf(userId: string): Promise<string | null> {
  const where = { userId, provider: 'plex', sealedToken: { not: null } }
  const linked = await db('auth').oauthAccount.findFirst({ where, orderBy: { lastUsedAt: { sort: 'desc', nulls: 'last' } } })
  return linked?.sealedToken ? openSecret(linked.sealedToken, aboutToken(linked.id)) : null
}

function aboutToken(id: string): string {
  return `provider-token:${id}`
}

/** A linked account as its owner sees it. */
export function presentLinked({ id, provider, email, name, createdAt, lastUsedAt }: Row<'oauthAccount'>): LinkedAccount {
  return { id: OauthAccountId.parse(id), provider, email, name, createdAt, lastUsedAt }
}
