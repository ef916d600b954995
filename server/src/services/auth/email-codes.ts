/**
 * Codes by mail. A code of eight digits is too short to be a token: it is good only together with the pending token of whoever asked for it, which
 * no mail carries, for ten minutes and five tries. Neither is stored: both follow from the row's id and a key of the server.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Row } from '#db'
import { keyedHash } from '#lib/secrets.ts'
import { findGoodToken, tokenFor } from './tokens.ts'

/** How long a code or a link by mail signs somebody in (ASVS 5.0, 6.5.5). */
export const emailCodeTtlMs = 10 * 60 * 1000

/** After so many wrong codes the mail is worth nothing, its link neither. */
export const mostCodeTries = 5

type Purpose = 'EMAIL_SIGN_IN' | 'EMAIL_STEP_UP'

const prefix = 'pln_ec_'

/** What the one who asked for a mail is given: the row's id, and proof that it came from here. */
export function pendingTokenOf(purpose: Purpose, id: string): string {
  return `${prefix}${id}_${keyedHash(`pending:${purpose}`, id).toString('base64url')}`
}

/** The code of a mail. */
export function codeOf(purpose: Purpose, id: string): string {
  // 64 bits over 10^8: the first codes are more likely than the last by less than one in 10^11.
  return String(keyedHash(`code:${purpose}`, id).readBigUInt64BE() % 100_000_000n).padStart(8, '0')
}

/** A mail that was asked for and is still good. */
export interface PendingMail {
  readonly row: Row<'verificationToken'>
  /** What its link holds, which uses it up. */
  readonly token: string
}

/** Finds what a pending token stands for; null where it is none of ours, was used, is too old or out of tries. */
export async function findPendingMail(purpose: Purpose, pendingToken: string): Promise<PendingMail | null> {
  const id = /^pln_ec_([\da-f-]{36})_[\w-]{43}$/.exec(pendingToken)?.[1]
  if (id === undefined || !isEqual(pendingToken, pendingTokenOf(purpose, id))) return null
  const token = tokenFor(purpose, id)
  const row = await findGoodToken(purpose, token)
  return row && { row, token }
}

/** Whether it is the code of this mail; spaces are people's way of reading it. */
export function isCodeOf(purpose: Purpose, id: string, code: string): boolean {
  return isEqual(code.replaceAll(' ', ''), codeOf(purpose, id))
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
