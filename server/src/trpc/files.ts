/** Inputs with files: from a form to fields, and what stands for a file in a fingerprint. */
import { fromForm } from '@plinth/client/form'
import { sha256 } from '#lib/secrets.ts'
import { AppError } from '#lib/errors.ts'

/** Gives an input as its procedure takes it: a form (client/src/form.ts) as its fields. @throws BAD_REQUEST */
export function unpacked(input: unknown): unknown {
  if (!(input instanceof FormData)) return input
  try {
    return fromForm(input)
  } catch {
    throw new AppError('BAD_REQUEST', 'The form cannot be read.', { fields: { input: ['is malformed'] } })
  }
}

/** Gives an input with the name, the kind and the hash of each file in the file's place: two that are the same ask for the same. */
export async function withoutFiles(input: unknown): Promise<unknown> {
  if (typeof input !== 'object' || input === null || !Object.values(input).some(holdsFile)) return input
  const entries = Object.entries(input).map(async ([name, value]) => [name, await standIn(value)] as const)
  return Object.fromEntries(await Promise.all(entries))
}

function holdsFile(value: unknown): boolean {
  return value instanceof File || (Array.isArray(value) && value[0] instanceof File)
}

async function standIn(value: unknown): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map(standIn))
  if (!(value instanceof File)) return value
  return { name: value.name, type: value.type, sha256: sha256(new Uint8Array(await value.arrayBuffer())).toString('hex') }
}
