/** What surrounds every mutation: the call that the database layer reads (lib/call.ts), with its idempotency key and the check of its result. */
import type { AnyTRPCMiddlewareFunction, TRPCError } from '@trpc/server'
import { encode } from '@plinth/client/transformer'
import type { z } from 'zod'
import { keptResult } from '#db/idempotency.ts'
import type { Actor } from '#lib/actor.ts'
import { currentCall, withCall, type Idempotency } from '#lib/call.ts'
import { AppError } from '#lib/errors.ts'
import { keyedHash } from '#lib/secrets.ts'
import type { Context } from './context.ts'
import { toAppError } from './errors.ts'
import { withoutFiles } from './files.ts'
import type { Meta } from './procedures.ts'

interface MutationOptions {
  readonly ctx: Context & { readonly actor: Actor }
  readonly path: string
  readonly batchIndex: number
  readonly meta: Meta | undefined
  getRawInput(): Promise<unknown>
}

/**
 * Runs a mutation as a call. Its result is validated by the transaction before the commit, so that a bad result never leaves a committed
 * effect behind a 500; what was validated there is not validated again, and what had no transaction is validated here.
 */
export function runAsCall(output: z.ZodType): AnyTRPCMiddlewareFunction {
  return async function mutationCall(opts) {
    const { ctx, path } = opts as MutationOptions
    const trace = currentCall()?.trace
    const validated = new Set<unknown>()
    const validate = (result: unknown) => {
      const valid = output.parse(result)
      validated.add(valid)
      return valid
    }
    const call = {
      requestId: ctx.requestId,
      procedure: path,
      address: ctx.address,
      userAgent: ctx.userAgent,
      rememberToken: ctx.rememberToken,
      idempotency: await idempotencyOf(opts),
      output: validate,
      ...(trace && { trace }),
    }
    const result = await withCall(call, () => opts.next())
    if (!result.ok || validated.has(result.data)) return result
    return { ...result, data: output.parse(result.data) }
  }
}

/** What a door or a rule says of the caller and of what is there, both of which the call itself may have changed the first time. */
const MAY_BE_ITS_OWN_EFFECT: ReadonlySet<string> = new Set(['NOT_FOUND', 'FORBIDDEN', 'CONFLICT', 'INVALID_TOKEN', 'TOO_MANY_REQUESTS'])

/**
 * Answers a refused mutation with what it kept when it was made before, under the same key: who deleted a team is no member of it when
 * the call comes again, and the door refuses before the key is claimed. Any other refusal stays as it is.
 */
export async function answerRepeat<R extends { readonly ok: boolean }>(
  opts: MutationOptions,
  refused: R & { readonly error?: TRPCError },
): Promise<R> {
  if (!refused.error || !mayBeItsOwnEffect(opts.meta, toAppError(refused.error).code)) return refused
  const idempotency = await idempotencyOf(opts)
  // Router keys begin with the service, and a call claims its key in the service that it names.
  const [service = ''] = opts.path.split('.')
  const kept = idempotency && (await keptResult(service, opts.path, idempotency))
  return kept ? { ...refused, ok: true, data: kept.result } : refused
}

/** Who changed the password, or ended the session in use, is signed out when the call comes again. */
function mayBeItsOwnEffect(meta: Meta | undefined, code: string): boolean {
  return MAY_BE_ITS_OWN_EFFECT.has(code) || (code === 'UNAUTHORIZED' && meta?.changesCaller === true)
}

/** The key that came along, whose it is, and what it stands for. */
async function idempotencyOf({ ctx, path, batchIndex, meta, getRawInput }: MutationOptions): Promise<Idempotency | null> {
  const key = ctx.idempotencyKeys[batchIndex] ?? null
  if (key === null || meta?.unkeyed) return null
  return {
    key,
    owner: ownerOf(ctx, meta),
    fingerprint: fingerprintOf(path, await withoutFiles(await getRawInput())),
    secret: meta?.secret ?? false,
  }
}

/**
 * The person; for a stranger the device. A call that changes who the caller is belongs to what stays the same when it comes again: the
 * device, or the credential, also when that has ended.
 */
function ownerOf({ actor, device, credentialHash }: MutationOptions['ctx'], meta: Meta | undefined): string {
  if (actor.kind === 'USER' && !meta?.changesCaller) return actor.userId
  if (device !== null) return `device:${device}`
  const hash = meta?.changesCaller ? credentialHash() : null
  if (hash !== null) return `credential:${hash}`
  throw new AppError('BAD_REQUEST', 'An idempotency key of somebody who is not signed in needs the header x-plinth-device.', {
    fields: { 'x-plinth-device': ['is missing'] },
  })
}

/** Keyed, so that the stored fingerprint of a guessable input (a password) tells nothing to a reader of the database. */
function fingerprintOf(path: string, input: unknown): Uint8Array<ArrayBuffer> {
  return keyedHash('idempotency', `${path}\n${JSON.stringify(encode(input))}`)
}
