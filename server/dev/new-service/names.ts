/** What a new service and its noun are called, in every form in which they are written. */
import { SetupError } from '../../src/db/setup-error.ts'

export interface Names {
  readonly service: string
  /** One of what the service keeps, in lower case, and many of them. */
  readonly noun: string
  readonly nouns: string
}

/** Words that the new files use for something else, or that TypeScript keeps for itself. */
const used = new Set(
  [
    'actor answer change changes data db error event events field fields index item items job jobs keyset kept late made one outcome page',
    'person policy query refusal role row rows router schema server service somebody table take team test title transaction tx user version',
    'arguments async await boolean break case catch class const continue debugger default delete do else enum eval export extends false',
    'finally for function if implements import in instanceof interface let new null number object package private protected public return',
    'static string super switch symbol this throw true try type typeof undefined var void while with yield core client create list get update',
  ].flatMap((line) => line.split(' ')),
)

/**
 * Reads the names as they were typed. Without a noun the service is called by what it keeps: `notes` keeps notes.
 *
 * @throws SetupError with one clear sentence, where they cannot be names.
 */
export function readNames([service = '', noun = singularOf(service)]: readonly string[]): Names {
  for (const name of [service, noun]) {
    if (!/^[a-z]{3,20}$/.test(name))
      throw new SetupError('Give the service a name, and what it keeps, each one word in lower case: pnpm new:service library book')
  }
  const taken = [service, noun, pluralOf(noun)].find((name) => used.has(name))
  if (taken) throw new SetupError(`"${taken}" means something else in the code: take another word.`)
  return { service, noun, nouns: pluralOf(noun) }
}

function singularOf(word: string): string {
  return word
    .replace(/ies$/, 'y')
    .replace(/(?<=(?:s|x|z|ch|sh))es$/, '')
    .replace(/(?<!s)s$/, '')
}

function pluralOf(word: string): string {
  if (/[^aeiou]y$/.test(word)) return word.replace(/y$/, 'ies')
  return /(?:s|x|z|ch|sh)$/.test(word) ? `${word}es` : `${word}s`
}

/** Gives a text of the template for these names: `noun`, `nouns`, `Noun`, `Nouns` and `SERVICE` stand for them. */
export function withNames(text: string, { service, noun, nouns }: Names): string {
  return text
    .replaceAll('SERVICE', service)
    .replaceAll(/\b([Aa]) noun\b/g, (_, article: string) => `${article}${/^[aeiou]/.test(noun) ? 'n' : ''} noun`)
    .replaceAll('nouns', nouns)
    .replaceAll('Nouns', capital(nouns))
    .replaceAll('noun', noun)
    .replaceAll('Noun', capital(noun))
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
