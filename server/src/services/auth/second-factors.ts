/**
 * What a person has beside the first factor, and what they can prove themselves by once more. Who adds a factor adds it here: to
 * `secondFactorsOf`, or a sign-in would never ask for it.
 */
import { db } from '#db'
import type { UserActor } from '#lib/actor.ts'
import type { StepUpMethod } from '#lib/errors.ts'
import { providersThatAskAnew } from './providers.ts'
import type { SecondFactors } from './schema-account.ts'
import type { Level, SecondFactorMethod } from './schema-sign-in.ts'

/** Says what second factors the person has, and how many recovery codes stand in for one that is lost. */
export async function getSecondFactors({ userId }: UserActor): Promise<SecondFactors> {
  const passkeys = await db('auth').passkey.count({ where: { userId } })
  const totp = await db('auth').totpFactor.findFirst({ where: { userId, confirmedAt: { not: null } }, select: { id: true } })
  return { passkeys, totp: totp !== null, recoveryCodesLeft: await recoveryCodesLeft(userId) }
}

/** Says how many recovery codes a person has that nobody used. Inside a transaction it counts in that transaction. */
export async function recoveryCodesLeft(userId: string): Promise<number> {
  return db('auth').verificationToken.count({ where: { purpose: 'RECOVERY_CODE', userId, usedAt: null } })
}

/** Lists the second factors of a person; none where the first is enough. Inside a transaction it reads in that transaction. */
export async function secondFactorsOf(userId: string): Promise<SecondFactorMethod[]> {
  const passkey = await db('auth').passkey.findFirst({ where: { userId }, select: { id: true } })
  const totp = await db('auth').totpFactor.findFirst({ where: { userId, confirmedAt: { not: null } }, select: { id: true } })
  const factors: SecondFactorMethod[] = [...(passkey ? (['PASSKEY'] as const) : []), ...(totp ? (['TOTP'] as const) : [])]
  return factors.length > 0 && (await hasRecoveryCodes(userId)) ? [...factors, 'RECOVERY_CODE'] : factors
}

/** They stand in for another factor: by themselves they are none. */
async function hasRecoveryCodes(userId: string): Promise<boolean> {
  const code = { purpose: 'RECOVERY_CODE', userId, usedAt: null } as const
  return (await db('auth').verificationToken.findFirst({ where: code, select: { id: true } })) !== null
}

/** What it takes to step up: the level that a session must have, and what brings it there. */
export interface StepUpNeeds {
  readonly level: Level
  readonly methods: StepUpMethod[]
}

/**
 * Says what a person steps up by: their second factors where they have any, for then a password that was fished is not enough; otherwise their
 * password, or where they have none a code by mail; and a linked provider, where it asks the person anew.
 */
export async function stepUpNeedsOf(userId: string): Promise<StepUpNeeds> {
  const factors = await secondFactorsOf(userId)
  if (factors.length > 0) return { level: 2, methods: factors }
  const password = await db('auth').password.findFirst({ where: { userId }, select: { id: true } })
  const linked = await db('auth').oauthAccount.findFirst({
    where: { userId, provider: { in: providersThatAskAnew() } },
    select: { id: true },
  })
  return { level: 1, methods: [password ? 'PASSWORD' : 'EMAIL', ...(linked ? (['PROVIDER'] as const) : [])] }
}
