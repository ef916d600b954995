/** What every mail of `auth` is made of. The address is read when the mail is made, never carried by an event. */
import { db } from '#db'
import { publicUrl, sendMail } from '#lib/mail.ts'
import { goodToken, tokenFor, type TokenPurpose } from './tokens.ts'

export interface Letter {
  readonly to: string
  readonly subject: string
  readonly paragraphs: readonly string[]
}

/** The event that a mail is sent for: its id and its time make the copies of a repeated job identical. */
interface Occasion {
  readonly id: string
  readonly at: Date
}

/** Sends a letter, or none. `which` tells the letters of one event apart. */
export async function sendLetter({ id, at }: Occasion, letter: Letter | null, which = ''): Promise<void> {
  if (!letter) return
  const { to, subject, paragraphs } = letter
  await sendMail({ id: id + which, to, subject, text: `${paragraphs.join('\n\n')}\n`, at })
}

/** Gives a link that goes to the address its token was issued for. Nothing where it was used, replaced or has grown too old, or is nobody's. */
export async function linkFor(purpose: TokenPurpose, tokenId: string, path: `/${string}`): Promise<{ to: string; url: string } | null> {
  const token = await goodToken(tokenId)
  return token?.email ? { to: token.email, url: publicUrl(path, { token: tokenFor(purpose, tokenId) }) } : null
}

/** A letter to the address that a person has now; none to who is gone. */
export async function notice(userId: string | null, subject: string, paragraphs: readonly string[]): Promise<Letter | null> {
  const user = userId === null ? null : await db('auth').user.findFirst({ where: { id: userId }, select: { email: true } })
  return user && { to: user.email, subject, paragraphs }
}

/** A time, for people wherever they are. */
export function when(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' at ')} UTC`
}
