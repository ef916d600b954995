/**
 * Makes an unknown key in Prisma's arguments an error again, at any depth. Since TypeScript 6 the compiler no longer reports it
 * (prisma/orm#29519, microsoft/TypeScript#62722): a renamed column was noticed in one stale use of four.
 * docs/decisions/009-strict-arguments.md has the reasons and what it costs.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const mapped = (name: string): string => `export type ${name} = {\n  [key in keyof T]: key extends keyof U ? T[key] : never`

/** What is looked for in the generated text, how often it must be there, and what takes its place. */
const changes: readonly { text: string; times: number; becomes: (text: string) => string }[] = [
  { text: `${mapped('SelectSubset<T, U>')}\n} &\n`, times: 1, becomes: (text) => `${text}  StrictArguments<T, U> &\n` },
  { text: `${mapped('SubsetIntersection<T, U, K>')}\n} &\n`, times: 1, becomes: (text) => `${text}  StrictArguments<T, U> &\n` },
  {
    text: `${mapped('Subset<T, U>')};\n};`,
    times: 1,
    becomes: (text) => `${text.slice(0, -1)} & StrictArguments<T, U>;\n\n${strictArguments}`,
  },
  // The options of the client itself hold class instances, whose members are nobody's keys.
  {
    text: '[PrismaClientOptions] extends [Options] ? PrismaClientOptions : Subset<Options, PrismaClientOptions>',
    times: 1,
    becomes: (text) =>
      text.replace(
        'Subset<Options, PrismaClientOptions>',
        '{ [key in keyof Options]: key extends keyof PrismaClientOptions ? Options[key] : never }',
      ),
  },
]

/** The methods whose arguments must go through one of the types above. */
const methods = [
  'findUnique',
  'findUniqueOrThrow',
  'findFirst',
  'findFirstOrThrow',
  'findMany',
  'create',
  'createMany',
  'createManyAndReturn',
  'update',
  'updateMany',
  'updateManyAndReturn',
  'upsert',
  'count',
  'aggregate',
  'groupBy',
]

/**
 * `T` is what the caller wrote, `U` what may be written. The check compares `T` with itself minus what `U` does not know, and only a
 * difference brings in `Known`, whose `never` puts the error on the key.
 * - Hidden behind `infer`, it takes no part in inferring `T` and in completing what is typed: that is what makes it cheap.
 * - Comparing is lazy, so that recursive input types (`AND`, relations) end.
 * - `Stale` speaks for arguments with an unresolved type parameter inside, which can only be judged where they are known.
 */
const strictArguments = `/**
 * Refuses unknown keys at any depth. Written by server/dev/strict-arguments.ts.
 */
type StrictArguments<T, U> = StrictVerdict<T, U> extends infer Verdict ? Verdict : never;
type StrictVerdict<T, U> = [T] extends [Known<T, U>] ? unknown
  : [T, { found: 'stale' }] extends [unknown, { found: Stale<T, U> }] ? Known<T, U> : unknown;

type Leaf = string | number | bigint | boolean | null | undefined | Date | Uint8Array | ((...args: never[]) => unknown) | { toDecimalPlaces: unknown };
type ObjectsOf<U> = U extends Leaf | readonly unknown[] ? never : U;
type ElementsOf<U> = U extends readonly (infer Element)[] ? Element : U;
type KeysOf<U> = U extends unknown ? keyof U : never;
type ValueOf<U, K> = U extends unknown ? (K extends keyof U ? U[K] : never) : never;

type Known<T, U> = T extends Leaf ? T
  : T extends readonly (infer Element)[] ? readonly Known<Element, ElementsOf<U>>[]
  : KnownKeys<T, ObjectsOf<U>>;
type KnownKeys<T, U> = string extends KeysOf<U> ? T
  : { [K in keyof T]: K extends KeysOf<U> ? (T[K] extends Leaf ? T[K] : Known<T[K], ValueOf<U, K>>) : never };

type Stale<T, U> = Same<ObjectsOf<T>, ObjectsOf<U>> extends true ? never
  : T extends Leaf ? never
  : T extends readonly (infer Element)[] ? Stale<Element, ElementsOf<U>>
  : StaleKeys<T, ObjectsOf<U>>;
type StaleKeys<T, U> = string extends KeysOf<U> ? never
  : { [K in keyof T]-?: K extends KeysOf<U> ? (T[K] extends Leaf ? never : Stale<T[K], ValueOf<U, K>>) : 'stale' }[keyof T];
type Same<T, U> = [U] extends [never] ? false : [U] extends [T] ? ([KeysOf<T>] extends [KeysOf<U>] ? true : false) : false;`

/** Rewrites the client generated into this folder. Throws where Prisma's text is not the one that was reviewed. */
export function strictArgumentsIn(folder: string): void {
  const namespace = join(folder, 'internal/prismaNamespace.ts')
  writeFileSync(namespace, makeStrict(readFileSync(namespace, 'utf8')))
  checkMethods(readFileSync(join(folder, 'models.ts'), 'utf8'), (model) => readFileSync(join(folder, model), 'utf8'))
}

/** The text of prismaNamespace.ts with the check in it. Throws unless each place is there exactly as often as expected. */
export function makeStrict(source: string): string {
  return changes.reduce((text, change) => {
    if (text.split(change.text).length - 1 !== change.times) throw changed(change.text)
    return text.replace(change.text, change.becomes)
  }, source)
}

/** Throws where a method of a model takes its arguments by another type than those that are made strict. */
export function checkMethods(index: string, read: (model: string) => string): void {
  for (const [, model = ''] of index.matchAll(/from '\.\/(models\/\w+\.ts)'/g)) {
    const source = read(model)
    for (const method of methods) if (!takesStrictly(source, method)) throw changed(`${method} in ${model}`)
  }
}

function takesStrictly(source: string, method: string): boolean {
  return new RegExp(`^  ${method}<[^(]*\\(\\s*args\\??: Prisma\\.(?:SelectSubset|SubsetIntersection|Subset)<T, `, 'm').test(source)
}

function changed(what: string): Error {
  return new Error(`Prisma's generated types have changed: review server/dev/strict-arguments.ts. Not found as expected:\n${what}`)
}
