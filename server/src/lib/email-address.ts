/** Email addresses: one spelling for one mailbox, decided before anything is compared, stored or sent. */
import { z } from 'zod'

const local = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const domain = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * Gives the one spelling of an address: NFKC, then lower case. Dots and `+tags` stay, for they may be other people.
 * It must come before validation: a full-width `＠` or the Kelvin sign turns into ASCII here, and a check made earlier would not have seen it.
 */
export function normaliseEmail(address: string): string {
  return address.normalize('NFKC').toLowerCase()
}

/**
 * Says whether a normalised address is one that mail is sent to: the plain `local@domain` of RFC 5321 in ASCII, at most 254 characters.
 * No quoted local part, comment, address literal, trailing dot or single-label domain; an international domain is typed in its `xn--` form,
 * so that no two addresses look alike.
 */
export function isEmailAddress(address: string): boolean {
  const at = address.lastIndexOf('@')
  if (address.length > 254 || at > 64) return false
  return local.test(address.slice(0, Math.max(at, 0))) && domain.test(address.slice(at + 1))
}

/** An address as input: normalised first, validated after. What comes out is what is stored, compared and mailed. */
export const EmailAddress = z
  .string()
  .max(320, 'is too long')
  .overwrite(normaliseEmail)
  .refine(isEmailAddress, 'is not an email address like name@example.com')
