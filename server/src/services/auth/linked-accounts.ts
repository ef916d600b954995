/** What people are at other providers, linked to their accounts here. The key is provider and subject; an address links nothing. */
import { randomUUIDv7 } from 'node:crypto'
import { db, keyset, type Row, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { OauthAccountId } from '#lib/ids.ts'
import type { Identity } from './provider.ts'
import type { LinkedAccount, LinkedAccountList, ListLinkedAccounts } from './schema-provider.ts'

/** Gives whose identity this is, or null where it is nobody's here. */
export async function findLinked(tx: Tx<'auth'>, provider: string, { subject }: Identity): Promise<Row<'oauthAccount'> | null> {
  return tx.oauthAccount.findFirst({ where: { provider, subject } })
}

/**
 * Links an identity to an account whose row the caller has locked. Gives null where it is somebody's already, also when that somebody was a
 * moment faster.
 */
export async function link(tx: Tx<'auth'>, userId: string, provider: string, identity: Identity): Promise<Row<'oauthAccount'> | null> {
  const { subject, email, name } = identity
  const data = { id: randomUUIDv7(), userId, provider, subject, email, name }
  const [created] = await tx.oauthAccount.createManyAndReturn({ data: [data], skipDuplicates: true })
  if (created) tx.record('auth.provider.linked', { user: userId }, { provider })
  return created ?? null
}

/** Keeps what the provider says of the person now. The account here stays as it is: its address is its own. */
export async function noteUse(tx: Tx<'auth'>, id: string, { email, name }: Identity): Promise<boolean> {
  const { count } = await tx.oauthAccount.updateMany({ where: { id }, data: { email, name, lastUsedAt: tx.now } })
  return count > 0
}

/** Lists what the person is at providers, newest first. */
export async function listLinked(actor: UserActor, page: ListLinkedAccounts): Promise<LinkedAccountList> {
  const { where, take, cut } = keyset(page, 'id', { order: 'desc' })
  const mine = { userId: actor.userId, ...where }
  const { items, nextCursor } = cut(await db('auth').oauthAccount.findMany({ where: mine, orderBy: { id: 'desc' }, take }))
  return { items: items.map(presentLinked), nextCursor }
}

/** A linked account as its owner sees it. */
function presentLinked({ id, provider, email, name, createdAt, lastUsedAt }: Row<'oauthAccount'>): LinkedAccount {
  return { id: OauthAccountId.parse(id), provider, email, name, createdAt, lastUsedAt }
}
