/** Text that people type and others read. */
import { z } from 'zod'

/**
 * Takes one line of text, trimmed and in one normal form (NFC). Control characters are refused, for a line goes into subjects of mails and
 * into logs, and so are the marks that turn the direction of what follows.
 */
export function oneLine(longest: number): z.ZodString {
  return z
    .string()
    .overwrite((text) => text.normalize('NFC').trim())
    .min(1, 'is empty')
    .max(longest, `is longer than ${longest} characters`)
    .regex(/^[^\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]*$/u, 'holds a character that is no part of a line of text')
}

/** Takes text of any number of lines, as `oneLine` takes one; lines end in \n, and tabs are kept. */
export function paragraphs(longest: number): z.ZodString {
  return z
    .string()
    .overwrite((text) => text.normalize('NFC').replaceAll(/\r\n?/g, '\n').trim())
    .min(1, 'is empty')
    .max(longest, `is longer than ${longest} characters`)
    .regex(/^(?:[\n\t]|[^\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069])*$/u, 'holds a character that is no part of a text')
}

/**
 * Gives somebody's words as a mail to others may carry them: with nothing in them that a mail program makes a link of. After whatever holds an address
 * together (a dot of any script, a colon, an @, the first of two slashes) stands a space; ordinary names stay as they are.
 */
export function unlinked(words: string): string {
  return words.replaceAll(/[.\u3002\uff0e\uff61:@](?=\S)|[/\\](?=[/\\])/gu, '$& ').replaceAll(/(?<=\S)@/gu, ' @')
}
