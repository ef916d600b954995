/** A thread that hashes passwords, one at a time, when nobody else needs the core. Started by hashing.ts. */
import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { hashSync, type Options, verifySync } from '@node-rs/argon2'

/** What the thread is asked. */
export type HashingTask =
  | { readonly kind: 'HASH'; readonly password: string; readonly parameters: Options }
  | { readonly kind: 'VERIFY'; readonly password: string; readonly hash: string }

/** What it answers: the hash, or whether the password is right. */
export type HashingAnswer = { readonly value: string | boolean } | { readonly error: unknown }

/**
 * A tenth of the weight of who else wants the core: whatever wakes goes first, and on a machine that is full of other work people still sign in,
 * which at the lowest priority they would not (decision 029).
 */
const niceness = 10

lowerPriority()
parentPort?.on('message', (task: HashingTask) => parentPort?.postMessage(answerTo(task), []))

function answerTo(task: HashingTask): HashingAnswer {
  try {
    return { value: task.kind === 'HASH' ? hashSync(task.password, task.parameters) : verifySync(task.hash, task.password) }
  } catch (error) {
    return { error }
  }
}

/** Linux alone gives threads a priority of their own, by an id that Node does not tell; elsewhere this would be the whole process's. */
function lowerPriority(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), niceness)
  } catch {
    // Without /proc, or where it may not: hashing is as important as everything else then.
  }
}
