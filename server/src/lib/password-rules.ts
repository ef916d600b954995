/** Which passwords are accepted (NIST 800-63B-4 and ASVS 5.0 6.2): long ones that nobody guesses. No composition rules, no expiry. */
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common'
import { AppError } from './errors.ts'

/** Code points, for a password that is the only factor. */
const shortest = 15
const longest = 128
const longestBytes = 512

/** Context words shorter than this are in too many good passwords. */
const shortestWord = 4

/** A part that is repeated is judged by itself: shorter than this it is no password, however often it stands. */
const shortestUnit = 8

/** Two of these, one after the other, are what a guesser tries next. */
const topSize = 3_000

type Keyboard = Readonly<Record<string, (string | null)[]>>

const keyboards: readonly Keyboard[] = [adjacencyGraphs.qwerty, adjacencyGraphs.qwertz, adjacencyGraphs.azerty]
const application = ['plinth', 'auraid']
const common = new Set(dictionary['passwords-common'].map((password) => password.normalize('NFKC').toLowerCase()))
const top = new Set([...common].slice(0, topSize))
const letters: Readonly<Record<string, string>> = { '0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '@': 'a', $: 's', '!': 'i' }

/**
 * Checks a new password. `about` names what a guesser would try first for this person: the address, the name.
 *
 * @throws BAD_REQUEST whose fault is at `password`; its reason is COMMON_PASSWORD where it is long enough.
 */
export function checkPassword(password: string, about: readonly string[]): void {
  const fault = lengthFault(password)
  if (fault !== null) throw new AppError('BAD_REQUEST', `This password ${fault}.`, { fields: { password: [fault] } })
  if (!isGuessable(password, about)) return
  const guess = 'is too common: it is among the first that a guesser tries'
  throw new AppError('BAD_REQUEST', `This password ${guess}.`, { fields: { password: [guess] }, reason: 'COMMON_PASSWORD' })
}

function lengthFault(password: string): string | null {
  if (!password.isWellFormed()) return 'holds a broken character'
  const normal = password.normalize('NFKC')
  // Both: NFKC makes eighteen characters of one Arabic ligature.
  if (Math.min([...password].length, [...normal].length) < shortest) return `needs at least ${shortest} characters`
  if ([...normal].length > longest || Buffer.byteLength(normal) > longestBytes) return `is longer than ${longest} characters`
  return null
}

function isGuessable(password: string, about: readonly string[]): boolean {
  const words = contextWords(about)
  return spellings(password).some((spelling) => isCommon(spelling) || isContext(spelling, words))
}

/** The ways in which one guess is disguised: case, separators, digits for letters, backwards. */
function spellings(password: string): string[] {
  const lower = password.normalize('NFKC').toLowerCase()
  const joined = lower.replace(/[\s._-]+/g, '')
  const words = lower.replace(/[^\p{L}]+/gu, '')
  const forwards = [lower, joined, plain(lower), plain(joined), ...(words.length >= 12 ? [words] : [])]
  return [...new Set([...forwards, ...forwards.map((spelling) => [...spelling].reverse().join(''))])]
}

function plain(text: string): string {
  return text.replace(/[013457@$!]/g, (sign) => letters[sign] ?? sign)
}

function isCommon(text: string): boolean {
  const core = withoutEnds(text)
  return common.has(text) || common.has(core) || isRepetition(text) || isRepetition(core) || isWalk(text) || isPair(text)
}

/** Without the digits and signs that habit puts before and after a word. */
function withoutEnds(text: string): string {
  return text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
}

/** A part that stands there again and again: a short one, a common one, or a walk over the keyboard. The last may be cut off. */
function isRepetition(text: string): boolean {
  const size = period(text)
  if (text === '' || size * 2 > text.length) return false
  const unit = text.slice(0, size)
  return size < shortestUnit || common.has(unit) || common.has(withoutEnds(unit)) || isWalk(unit)
}

/** The smallest shift under which a text lies on itself (Knuth, Morris and Pratt's failure function). */
function period(text: string): number {
  const borders = [0]
  for (let i = 1, border = 0; i < text.length; i += 1) {
    while (border > 0 && text[i] !== text[border]) border = borders[border - 1] ?? 0
    if (text[i] === text[border]) border += 1
    borders[i] = border
  }
  return text.length - (borders.at(-1) ?? 0)
}

/** Straight lines over the keyboard, through the alphabet or along the digits, three characters and more on average. English has about 1.1. */
function isWalk(text: string): boolean {
  const characters = [...text]
  return keyboards.some((keyboard) => characters.length / countLines(keyboard, characters) >= 3)
}

function countLines(keyboard: Keyboard, characters: readonly string[]): number {
  let lines = 1
  let going: number[] | null = null
  for (const [i, character] of characters.slice(1).entries()) {
    const directions = directionsOf(keyboard, characters[i] ?? '', character)
    const straight: number[] = going === null ? directions : directions.filter((direction) => going?.includes(direction))
    going = straight.length > 0 ? straight : null
    if (going === null) lines += 1
  }
  return lines
}

/** The slot in which the next key lies, and whether the character is the same, the next or the one before. */
function directionsOf(keyboard: Keyboard, from: string, to: string): number[] {
  const difference = from === '9' && to === '0' ? 1 : (to.codePointAt(0) ?? 0) - (from.codePointAt(0) ?? 0)
  const slot = keyboard[from]?.findIndex((key) => key?.includes(to)) ?? -1
  return [...(slot >= 0 ? [slot] : []), ...(Math.abs(difference) <= 1 ? [100 + difference] : [])]
}

function isPair(text: string): boolean {
  for (let cut = 3; cut <= text.length - 3; cut += 1) {
    if (top.has(text.slice(0, cut)) && top.has(text.slice(cut))) return true
  }
  return false
}

/** Only what is left when the person's and the application's own words are taken out protects the account. */
function isContext(text: string, words: readonly string[]): boolean {
  const left = words.reduce((rest, word) => rest.replaceAll(word, ''), text)
  if (left === text) return false
  return [...left].length < shortestUnit || isCommon(left)
}

function contextWords(about: readonly string[]): string[] {
  const all = about
    .flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}]+/u), ...text.split('@')])
    .map((word) => word.normalize('NFKC').toLowerCase())
  const known = [...application, ...all].flatMap((word) => [word, plain(word), word.replace(/[\s._-]+/g, '')])
  const long = [...new Set(known)].filter((word) => word.length >= shortestWord)
  return [...long, ...long.map((word) => [...word].reverse().join(''))].toSorted((a, b) => b.length - a.length)
}
