/** The doors: who may knock. Every procedure is built from one of them, and says `.input()` and `.output()`. */
import { initTRPC } from '@trpc/server'
import { transformer } from '@plinth/client/transformer'
import { z } from 'zod'
import { anonymous, type AnonymousActor, type UserActor } from '#lib/actor.ts'
import { now } from '#lib/clock.ts'
import { currentCall } from '#lib/call.ts'
import { AppError, type ErrorCode } from '#lib/errors.ts'
import { ApplicationId, TeamId } from '#lib/ids.ts'
import { enterApplication, isFresh, recordRefusedCall, type SessionInfo } from '../services/auth/index.ts'
import { enterTeam } from '../services/teams/index.ts'
import { measured } from './calls.ts'
import type { Context } from './context.ts'
import { errorShape, toAppError } from './errors.ts'
import { unpacked } from './files.ts'
import { answerRepeat } from './mutation.ts'
import { isOpenToKeys, isWithin } from './key-scopes.ts'
import type { Ask } from './rechecks.ts'
import { seal } from './seal.ts'
import { until, type Life } from './streams.ts'

/** What is known of a procedure beside its types. */
export interface Meta {
  /** Who may call it, in words: docs/access.md lists it. The door says it. */
  access?: string
  /** The result holds a token or a key: it is never stored, and a repeated call is answered ALREADY_DONE. */
  secret?: true
  /** Whether an API key may call it. Where it is not said: in `auth` no, elsewhere yes. */
  keys?: boolean
  /** It sets or clears cookies: the client sends it alone. */
  cookies?: true
  /** It may end the session that it came with, or begin another: its key belongs to the device or the credential, not to the person. */
  changesCaller?: true
  /** A mutation that takes no idempotency key. */
  unkeyed?: true
  /** A mutation whose input has files (`z.file()`) among its fields: it alone may come as multipart/form-data. */
  files?: true
  /** How many bytes a request to it may have, sent alone; 64 kB where it is not said, 10 MB with files. They are held in memory. */
  mostBytes?: number
}

const t = initTRPC
  .context<Context>()
  .meta<Meta>()
  .create({
    transformer,
    isDev: false,
    errorFormatter: ({ error, ctx, path }) => errorShape(toAppError(error), ctx?.requestId ?? null, path ?? null),
    sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 40_000 } },
  })

/** Makes a router. Throws at start for a procedure without a door, an input or an output. */
export const router: typeof t.router = (record) => {
  seal(record)
  return t.router(record)
}

/** The input of a procedure that takes none. */
export const Nothing = z.void()

/** Lets a procedure see the fields of a form, and no form. */
const unwrapped = t.procedure.use(measured).use(({ next, getRawInput }) => next({ getRawInput: async () => unpacked(await getRawInput()) }))

/** What says that somebody was refused for who they are, what they have, or how long ago they proved it. */
const REFUSALS: ReadonlySet<string> = new Set<ErrorCode>(['FORBIDDEN', 'NOT_FOUND', 'EMAIL_NOT_VERIFIED', 'STEP_UP_REQUIRED'])

/** Records a refusal of somebody who is signed in, by a door or by a rule that left no trace of its own (ASVS 5.0, 16.3.2). */
const traced = unwrapped.use(async ({ ctx, next, path }) => {
  const result = await next()
  if (result.ok || currentCall()?.trace?.left) return result
  const { code } = toAppError(result.error)
  const session = REFUSALS.has(code) ? await ctx.session() : null
  if (session) await recordRefusedCall(actorOf(session), { procedure: path, code })
  return result
})

/** Counts the call against its caller's limit. */
const counted = traced.use(async (opts) => {
  const { ctx, next, type, path, meta } = opts
  const session = await ctx.session()
  await ctx.limits.charge(session?.apiKey?.id ?? session?.userId ?? null, ctx.address)
  if (session?.apiKey) requireScope(session.apiKey.scopes, path, meta)
  if (session?.impersonatorId) requireOwnHands(type, path)
  const actor: UserActor | AnonymousActor = session ? actorOf(session) : anonymous
  const result = await next({ ctx: { actor } })
  return type === 'mutation' && !result.ok ? answerRepeat({ ...opts, ctx: { ...ctx, actor } }, result) : result
})

/** Lets everyone in. `ctx.actor` is the person who is signed in, or a stranger. */
export const anyone = counted.meta({ access: 'anyone' })

/** Lets in who is signed in. @throws UNAUTHORIZED */
export const signedIn = counted.meta({ access: 'signed in' }).use(async ({ ctx, next, type, signal }) => {
  const session = await requireSession(ctx)
  const actor = actorOf(session)
  if (type !== 'subscription') return next({ ctx: { actor, sessionInfo: session, signal } })
  const life = await ctx.streams.openFor(session.userId, signal)
  return whileAllowed(
    { ctx, session, life },
    () => next({ ctx: { actor, sessionInfo: session, signal: life.signal } }),
    () => requireSame(ctx, session),
  )
})

/** Lets in who is signed in with a verified address. @throws UNAUTHORIZED, EMAIL_NOT_VERIFIED */
export const verified = signedIn.meta({ access: 'signed in, address verified' }).use(({ ctx, next }) => {
  if (!ctx.sessionInfo.emailVerified) throw new AppError('EMAIL_NOT_VERIFIED', 'Verify your email address first.')
  return next()
})

/**
 * Lets in who proved within ten minutes who they are, by their second factor where they have one: for what would hurt in the hands of whoever
 * finds an open browser. It says nothing of the address. @throws UNAUTHORIZED; STEP_UP_REQUIRED; FORBIDDEN to who looks through another's eyes
 */
export const steppedUp = signedIn.meta({ access: 'signed in, proven within ten minutes', keys: false }).use(async ({ ctx, next }) => {
  await requireProof(ctx, ctx.sessionInfo)
  return next()
})

/** Lets in who stepped up and whose address is verified as well. @throws UNAUTHORIZED, EMAIL_NOT_VERIFIED, STEP_UP_REQUIRED */
export const verifiedSteppedUp = verified
  .meta({ access: 'signed in, address verified, proven within ten minutes', keys: false })
  .use(async ({ ctx, next }) => {
    await requireProof(ctx, ctx.sessionInfo)
    return next()
  })

/** Lets in administrators of the installation who have stepped up. @throws UNAUTHORIZED, FORBIDDEN, STEP_UP_REQUIRED */
export const admin = verified.meta({ access: 'administrators, proven within ten minutes', keys: false }).use(async ({ ctx, next }) => {
  if (ctx.sessionInfo.role !== 'ADMIN') throw new AppError('FORBIDDEN', 'Only administrators may do this.')
  await requireProof(ctx, ctx.sessionInfo)
  return next()
})

/** Lets in the members of the team that the input names; `ctx.actor` is the right to act in it. @throws NOT_FOUND to strangers */
export const inTeam = verified
  .meta({ access: 'members of the team' })
  .input(z.object({ teamId: TeamId }))
  .use(async ({ ctx, input, next, type }) => {
    const actor = await enterTeam(ctx.actor, input.teamId)
    if (type !== 'subscription') return next({ ctx: { actor } })
    const life = ctx.streams.open(ctx.signal)
    const enterAgain = async () => void sameRole(actor.role, (await enterTeam(ctx.actor, input.teamId)).role)
    return whileAllowed({ ctx, session: ctx.sessionInfo, life }, () => next({ ctx: { actor, signal: life.signal } }), enterAgain)
  })

/** Lets in the people of the application that the input names; `ctx.actor` is the right to act in it. @throws NOT_FOUND to strangers */
export const inApplication = verified
  .meta({ access: 'people of the application' })
  .input(z.object({ applicationId: ApplicationId }))
  .use(async ({ ctx, input, next }) => next({ ctx: { actor: await enterApplication(ctx.actor, input.applicationId) } }))

/**
 * Lets in the people of the application, keys too, where the rule asks for a proof, which alone knows whom it is about: to give or take a role that
 * manages the application. @throws NOT_FOUND to strangers
 */
export const overPeople = inApplication.meta({
  access: 'people of the application; to give or take OWNER or ADMIN, proven within ten minutes and by no key',
  keys: true,
})

/** Lets in the people of the application who have stepped up: for what decides whose it is. @throws NOT_FOUND, STEP_UP_REQUIRED */
export const inApplicationSteppedUp = inApplication
  .meta({ access: 'people of the application, proven within ten minutes', keys: false })
  .use(async ({ ctx, next }) => {
    await requireProof(ctx, ctx.sessionInfo)
    return next()
  })

function actorOf({ userId, sessionId, apiKey, impersonatorId }: SessionInfo): UserActor {
  return { kind: 'USER', userId, sessionId, ...(apiKey && { apiKeyId: apiKey.id }), ...(impersonatorId && { impersonatorId }) }
}

/** @throws FORBIDDEN where the key may not call it, whatever its owner may. */
function requireScope(scopes: readonly string[], path: string, meta: Meta | undefined): void {
  if (isOpenToKeys(path, meta) && isWithin(scopes, path)) return
  throw new AppError('FORBIDDEN', 'This API key may not call this procedure.')
}

/** @throws FORBIDDEN where an administrator who acts as a person would change the person's account itself. To leave is allowed. */
function requireOwnHands(type: string, path: string): void {
  if (type !== 'mutation' || !path.startsWith('auth.') || path === 'auth.signOut') return
  throw new AppError('FORBIDDEN', 'Nobody may do this for another.')
}

async function requireSession(ctx: Context, again?: 'again'): Promise<SessionInfo> {
  const session = await ctx.session(again)
  if (!session) throw new AppError('UNAUTHORIZED', 'Sign in first.')
  return session
}

/** What they could step up by is asked only where it matters: a fresh session of level 2 is as good as can be. */
async function requireProof(ctx: Context, { userId, authenticatedAt, level, impersonatorId }: SessionInfo): Promise<void> {
  if (impersonatorId !== null) throw new AppError('FORBIDDEN', 'Nobody may do this for another.')
  const fresh = isFresh(authenticatedAt, now())
  if (fresh && level === 2) return
  const needs = await ctx.stepUpNeeds(userId)
  if (fresh && level >= needs.level) return
  throw new AppError('STEP_UP_REQUIRED', 'Prove once more who you are.', { methods: needs.methods })
}

/** Whoever lost, or gained, a role meanwhile comes in anew through the door. Gives when the session ends. */
async function requireSame(ctx: Context, { role, emailVerified }: SessionInfo): Promise<Date> {
  const present = await requireSession(ctx, 'again')
  sameRole(`${role} ${emailVerified}`, `${present.role} ${present.emailVerified}`)
  return present.endsAt
}

function sameRole(before: string, now: string): void {
  if (before !== now) throw new AppError('FORBIDDEN', 'Your role has changed: subscribe again.')
}

interface Subscribed {
  readonly ctx: Context
  readonly session: SessionInfo
  readonly life: Life
}

/** Keeps a subscription only as long as its door would still open: asked again in turn, and whenever something of the person's is revoked. */
async function whileAllowed<R extends { ok: boolean }>({ ctx, session, life }: Subscribed, run: () => Promise<R>, ask: Ask): Promise<R> {
  const askNow = ctx.streams.askAgain(life, ask)
  const stop = ctx.onRevoked(session.userId, askNow)
  life.signal.addEventListener('abort', stop, { once: true })
  // Something may have been revoked since the door looked.
  askNow()
  const result = await run()
  if ('data' in result) return { ...result, data: until(result.data as AsyncIterable<unknown>, life) }
  life.end(undefined)
  return result
}
