/**
 * Notices: a mail for every change of an account that matters, to the address on file, so that a change which was not its owner's does not pass
 * unseen (NIST 800-63B-4, 4.6; ASVS 5.0, 6.3.7).
 */
import { db, type FeedEvent } from '#db'
import { publicUrl } from '#lib/mail.ts'
import { notice, sendLetter, when, type Letter } from './letters.ts'

/**
 * Tells the owner of an account that somebody signed in from a place that no session of the last weeks was started from. The first sign-in of
 * all says nothing new.
 */
export async function sendNewPlaceNotice(event: FeedEvent<'auth.session.started'>): Promise<void> {
  await sendLetter(event, await newPlace(event))
}

async function newPlace({ data, user: userId, at }: FeedEvent<'auth.session.started'>): Promise<Letter | null> {
  const session = await db('auth').session.findFirst({ where: { id: data.sessionId } })
  if (!session || userId === null) return null
  const { addressPrefix, userAgent } = session
  const before = { userId, createdAt: { lt: session.createdAt } }
  const [earlier, alike] = await Promise.all([
    db('auth').session.findFirst({ where: before, select: { id: true } }),
    db('auth').session.findFirst({ where: { ...before, addressPrefix, userAgent }, select: { id: true } }),
  ])
  if (!earlier || alike) return null
  return notice(userId, 'A new sign-in to your account', [
    `Somebody signed in to your account on ${when(at)} with ${programOf(userAgent)}, from ${addressPrefix ?? 'an unknown address'}.`,
    'If it was you, there is nothing to do.',
    `If it was not you, somebody is in your account: choose a new password, which ends every session: ${publicUrl('/forgot-password')}`,
  ])
}

/** In the order in which they are looked for: most browsers also name the ones that they descend from. */
const programs = [
  ['Edg/', 'Edge'],
  ['OPR/', 'Opera'],
  ['Firefox/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
  ['curl/', 'curl'],
] as const

const systems = [
  ['Android', 'Android'],
  ['iPhone', 'an iPhone'],
  ['iPad', 'an iPad'],
  ['Windows', 'Windows'],
  ['Mac OS', 'a Mac'],
  ['Linux', 'Linux'],
] as const

/** Names the program in words of ours: a user agent is a stranger's text, and is carried into nobody's mail. */
function programOf(userAgent: string | null): string {
  const named = (names: readonly (readonly [mark: string, name: string])[]) => names.find(([mark]) => userAgent?.includes(mark))?.[1]
  const system = named(systems)
  return (named(programs) ?? 'a program') + (system === undefined ? '' : ` on ${system}`)
}
