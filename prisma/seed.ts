/**
 * A small demonstration for development, made by the services' own functions: an administrator who owns a team,
 * a member of it, and an invitation that waits, with a profile each. Does nothing where anybody has an account.
 */
import { parseArgs } from 'node:util'
import { connectDatabase, db, disconnectDatabase } from '../server/src/db/index.ts'
import { SetupError } from '../server/src/db/setup-error.ts'
import { anonymous } from '../server/src/lib/actor.ts'
import type { UserActor } from '../server/src/lib/actor.ts'
import { ConfigError, readConfig } from '../server/src/lib/config.ts'
import { SessionId, TeamId, UserId } from '../server/src/lib/ids.ts'
import { useSecret } from '../server/src/lib/secrets.ts'
import { signUp, verifyEmail } from '../server/src/services/auth/accounts.ts'
import { setUpCode, tokenFor } from '../server/src/services/auth/index.ts'
import { setUp } from '../server/src/services/auth/setup.ts'
import { signIn } from '../server/src/services/auth/sign-in.ts'
import '../server/src/services/profile/index.ts'
import { getProfile, updateProfile } from '../server/src/services/profile/profiles.ts'
import { setBillingContact } from '../server/src/services/teams/billing.ts'
import { enterTeam } from '../server/src/services/teams/index.ts'
import { acceptInvitation, createInvitation } from '../server/src/services/teams/invitations.ts'
import { createTeam } from '../server/src/services/teams/teams.ts'
import { demo } from './demo.ts'

async function seed(): Promise<void> {
  await setUp({ code: (await setUpCode()) ?? '', email: demo.owner, name: 'Demo Owner', password: demo.password })
  const owner = await actorOf(demo.owner)
  const team = await createTeam(owner, { name: 'Demo Team', slug: 'demo' })
  const inTeam = await enterTeam(owner, TeamId.parse(team.id))
  await makeVerified(demo.member, 'Demo Member')
  await createInvitation(inTeam, { teamId: inTeam.teamId, email: demo.member, role: 'MEMBER' })
  await acceptInvitation(await actorOf(demo.member), { token: await tokenMailedTo(demo.member, 'TEAM_INVITATION') })
  await createInvitation(inTeam, { teamId: inTeam.teamId, email: demo.invited, role: 'VIEWER' })
  await setBillingContact(inTeam, { teamId: inTeam.teamId, name: 'Accounts', email: demo.owner, address: null, taxId: null })
  const { version } = await getProfile(owner)
  await updateProfile(owner, { version, timeZone: 'Europe/Zurich', bio: 'Owns the demonstration.' })
}

async function makeVerified(email: string, name: string): Promise<void> {
  await signUp({ email, name, password: demo.password })
  await verifyEmail({ token: await tokenMailedTo(email, 'EMAIL_VERIFICATION') })
}

async function actorOf(email: string): Promise<UserActor> {
  const { answer } = await signIn(anonymous, { email, password: demo.password, delivery: 'TOKEN' })
  if (answer.status !== 'SIGNED_IN') throw new Error('The people of the demonstration have no second factor')
  return { kind: 'USER', userId: UserId.parse(answer.me.id), sessionId: SessionId.parse(answer.sessionId) }
}

/** The token that the mail to this address carries: made from the row's id, as the mail's job makes it. */
async function tokenMailedTo(email: string, purpose: 'EMAIL_VERIFICATION' | 'TEAM_INVITATION'): Promise<string> {
  const { id } = await db('auth').verificationToken.findFirstOrThrow({ where: { email, purpose, usedAt: null }, orderBy: { id: 'desc' } })
  return tokenFor(purpose, id)
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { quiet: { type: 'boolean', default: false } } })
  const config = readConfig(process.env)
  if (config.NODE_ENV === 'production')
    throw new SetupError('NODE_ENV is production: the demonstration has a password that everybody knows.')
  useSecret(config.PLINTH_SECRET)
  await connectDatabase(config)
  try {
    const empty = (await db('auth').user.count()) === 0
    if (empty) await seed()
    if (empty || !values.quiet)
      console.log(
        empty ? `made a small demonstration: ${demo.owner} owns the team "demo"` : 'somebody has an account here: nothing to seed',
      )
  } finally {
    await disconnectDatabase()
  }
}

try {
  await main()
} catch (error) {
  const plain = error instanceof SetupError || error instanceof ConfigError
  console.error(plain ? error.message : error)
  process.exitCode = 1
}
