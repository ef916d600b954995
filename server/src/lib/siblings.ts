/**
 * The processes beside this one on the machine (PLINTH_PROCESSES), reached through the primary that started them. What is asked within one turn
 * of the event loop goes out in one message. A process that is alone has no siblings, and asks itself.
 */
import { AppError } from './errors.ts'
import type { Bucket, Lease } from './ledger.ts'
import { counter, figures, type Family } from './metrics.ts'

/** What a process asks the primary, and what it is answered. */
export interface Questions {
  lease: { about: { readonly bucket: Bucket; readonly want: number }; answer: Lease }
  takeSeat: { about: { readonly owner: string; readonly most: number }; answer: boolean }
  figures: { about: null; answer: { readonly process: number; readonly families: readonly Family[] }[] }
}

/** What it tells the primary, without an answer. */
export interface News {
  giveBack: { readonly bucket: Bucket; readonly calls: number }
  leaveSeat: { readonly owner: string }
  /** It serves, or works: where it listens, if it does. */
  ready: { readonly url: string | null }
}

type Asked = { [K in keyof Questions]: readonly [id: number, kind: K, about: Questions[K]['about']] }[keyof Questions]
type Told = { [K in keyof News]: readonly [kind: K, about: News[K]] }[keyof News]

/** From a process to the primary. */
export type ToPrimary =
  | { readonly plinth: 'batch'; readonly asked: readonly Asked[]; readonly told: readonly Told[] }
  | { readonly plinth: 'figures'; readonly id: number; readonly families: readonly Family[] }

/** From the primary to a process. */
export type ToProcess =
  | { readonly plinth: 'answers'; readonly answers: readonly (readonly [id: number, answer: unknown])[] }
  | { readonly plinth: 'figures'; readonly id: number }
  | { readonly plinth: 'stop' }

/** Where messages go in and out: node:cluster's channel; tests put their own in its place. */
export interface Channel {
  send(message: ToPrimary): void
  onMessage(hear: (message: ToProcess) => void): void
}

export interface Siblings {
  /** How many processes there are, this one among them. */
  readonly count: number
  /** Which of them this is, from 1 on. */
  readonly number: number
  /** @throws UNAVAILABLE where the primary does not answer in time. */
  ask<K extends keyof Questions>(kind: K, about: Questions[K]['about']): Promise<Questions[K]['answer']>
  tell<K extends keyof News>(kind: K, about: News[K]): void
  /** Resolves when the primary wants this process to stop. */
  readonly told: Promise<void>
}

/** Processes that ended by themselves and were started again. */
export const restarts = counter('plinth_process_restarts_total', 'Processes that ended unasked and were started again (PLINTH_PROCESSES).')

/** Longer than the primary ever takes, unless the machine stands still. */
const answerWithinMs = 5_000

let mine: Siblings | undefined

/** The siblings of this process; undefined where it is alone. */
export function siblings(): Siblings | undefined {
  return mine
}

/** Makes this process one of several. Called once, before anything is counted. */
export function joinSiblings(channel: Channel, { count, number }: Pick<Siblings, 'count' | 'number'>): Siblings {
  const told = Promise.withResolvers<void>()
  const { ask, tell, answered } = outboxOf(channel)
  channel.onMessage((message) => {
    if (message.plinth === 'answers') answered(message.answers)
    else if (message.plinth === 'stop') told.resolve()
    else void figures().then((families) => channel.send({ plinth: 'figures', id: message.id, families }))
  })
  return (mine = { count, number, ask, tell, told: told.promise })
}

function outboxOf(channel: Channel): Pick<Siblings, 'ask' | 'tell'> & { answered(answers: readonly (readonly [number, unknown])[]): void } {
  const open = new Map<number, { resolve(answer: unknown): void; timer: NodeJS.Timeout }>()
  let asked: Asked[] = []
  let told: Told[] = []
  let lastId = 0
  const flush = () => {
    const batch = { plinth: 'batch', asked, told } as const
    asked = []
    told = []
    channel.send(batch)
  }
  const soon = () => void (asked.length + told.length === 1 && setImmediate(flush))
  return {
    ask(kind, about) {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      const id = ++lastId
      const late = () => {
        open.delete(id)
        reject(new AppError('UNAVAILABLE', 'The server cannot take this just now. Try again.', { retryAfterSeconds: 1 }))
      }
      open.set(id, { resolve, timer: setTimeout(late, answerWithinMs).unref() })
      // The three belong together; a union cannot be built from a type parameter.
      asked.push([id, kind, about] as unknown as Asked)
      soon()
      return promise as Promise<never>
    },
    tell(kind, about) {
      told.push([kind, about] as unknown as Told)
      soon()
    },
    answered(answers) {
      for (const [id, answer] of answers) {
        const waiting = open.get(id)
        open.delete(id)
        clearTimeout(waiting?.timer)
        waiting?.resolve(answer)
      }
    },
  }
}
