/**
 * Notices: a mail for every change of an account that matters, to the address on file, so that a change which was not its owner's does not pass
 * unseen (NIST 800-63B-4, 4.6; ASVS 5.0, 6.3.7).
 */
import { db, type EventName, type FeedEvent } from '#db'
import { publicUrl } from '#lib/mail.ts'
import { notice, sendLetter, when, type Letter } from './letters.ts'
import { addedStays, newPassword, undoable } from './remedies.ts'

/** What happened, in a mail: its subject, and a sentence that its time ends. */
type Words = readonly [subject: string, what: string]

/** Whoever adds a way in, or takes one away, adds a line. */
const words = {
  'auth.passkey.registered': ['A passkey was added to your account', 'A passkey was added to your account'],
  'auth.passkey.removed': ['A passkey was taken from your account', 'A passkey was taken from your account'],
  'auth.passkey.clone_suspected': [
    'A passkey of yours may have been copied',
    'A passkey of your account was shown with a count that it had passed already, so there may be a copy of it; it was refused',
  ],
  'auth.totp.confirmed': ['A second factor was added to your account', 'An authenticator app was added to your account'],
  'auth.totp.disabled': ['A second factor was taken from your account', 'The authenticator app of your account was taken away'],
  'auth.recovery_codes.regenerated': [
    'Your recovery codes were made anew',
    'New recovery codes were made for your account; the old ones are worth nothing,',
  ],
  'auth.recovery_code.used': [
    'A recovery code of your account was used',
    'Somebody signed in to your account with one of its recovery codes',
  ],
  'auth.remembered.shown_twice': [
    'A remembered device of yours was copied',
    'What lets a device of yours sign in was shown a second time, so somebody may have copied it; its sessions have ended,',
  ],
  'auth.account.claimed': [
    'Your account is yours',
    'You proved that this address is yours; what others had done with the account before was taken out',
  ],
  'auth.api_key.created': ['An API key of your account was made', 'An API key was made that acts in your name'],
  'auth.data_export.downloaded': ['Your export was downloaded', 'What is held of you was downloaded'],
  'auth.factor.undone': [
    'What was added to your account was taken back',
    'What had been added to your account to sign in by was taken back by the link from the mail about it, and every session and API key ended,',
  ],
  'auth.account.reactivated': ['Your account is back', 'Your account was taken back by the link from a mail'],
  'auth.person.disabled': ['Your account was disabled', 'An administrator disabled your account'],
  'auth.person.restored': ['Your account was restored', 'An administrator restored your account'],
  'auth.person.factors_removed': [
    'What you sign in by was taken from your account',
    'An administrator took the passkeys, the authenticator app, the recovery codes and the linked providers from your account, and every session and API key ended,',
  ],
  'auth.person.role_changed': ['Your role was changed', 'An administrator gave your account another role'],
  'auth.person.impersonated': [
    'An administrator looked into your account',
    'An administrator began to act in your name, for an hour at most,',
  ],
} as const satisfies Partial<Record<EventName, Words>>

type NoticedEvent = keyof typeof words

/** Events that a notice is sent for. */
export const noticedEvents = Object.keys(words) as NoticedEvent[]

/** Tells the owner of an account what was changed, and what to do if it was not them. */
export async function sendNotice(event: FeedEvent<NoticedEvent>): Promise<void> {
  const [subject, what] = words[event.name]
  const toDo = lacksCodes(event) ? makeCodes : 'If you know of it, there is nothing to do.'
  const said = `${what} on ${when(event.at)}. ${toDo}`
  const letter =
    'tokenId' in event.data
      ? await undoable(event.data.tokenId, subject, [said])
      : await notice(event.user, subject, [said, ...remediesOf(event.name)])
  await sendLetter(event, letter)
}

/** What helps, where it is more than a new password, or where that does not help. */
const remedies: Partial<Record<NoticedEvent, () => string[]>> = {
  'auth.passkey.clone_suspected': () => [
    'A new password does not stop a copy: sign in by something else, take the passkey away, and register it anew.',
  ],
  'auth.passkey.removed': () => [newPassword(), 'Then sign in and register it anew.'],
  'auth.totp.disabled': () => [newPassword(), 'Then sign in and enrol it anew.'],
  'auth.recovery_codes.regenerated': () => [newPassword(), 'Then sign in and make new codes: whoever made these has seen them.'],
  'auth.recovery_code.used': () => [newPassword(), 'Then sign in and make new codes: whoever used this one may have the others.'],
  'auth.account.reactivated': () => [
    `If it was not you, somebody reads your mail. Secure your mailbox, then choose a new password: ${publicUrl('/forgot-password')}`,
  ],
  'auth.person.factors_removed': () => [
    `Sign in with your password, or choose one, and add what is yours anew: ${publicUrl('/forgot-password')}`,
  ],
  'auth.factor.undone': () => [
    `If you took it back because somebody else had added it, they were in your account: choose a new password now: ${publicUrl('/forgot-password')}`,
    'If it was not you who took it back, somebody reads your mail. Secure your mailbox, then choose a new password, and add what is yours anew.',
  ],
}

function remediesOf(name: NoticedEvent): string[] {
  if (name.startsWith('auth.person.'))
    return [...(remedies[name]?.() ?? []), 'If you did not expect it, ask those who run this installation.']
  return remedies[name]?.() ?? [newPassword()]
}

const makeCodes =
  'If you know of it, one thing is left to do: you have no recovery codes. Without them, whoever loses their passkey or authenticator app is locked out. ' +
  'Make some while you are signed in, and keep them on paper.'

/** The number is the event's, so that a repeated job sends the identical mail. */
function lacksCodes({ data }: FeedEvent<NoticedEvent>): boolean {
  return ('recoveryCodesLeft' in data && data.recoveryCodesLeft === 0) || ('left' in data && data.left === 0)
}

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
    newPassword(),
    addedStays,
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
