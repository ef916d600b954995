/** One of everything that has an id, of somebody's, made through the API alone: for whoever tries to get at it. */
import { joinApplication, newApplication } from './applications.ts'
import { newAuthenticator } from './authenticator.ts'
import { openBrowser, type Browser } from './browser.ts'
import { query } from './database.ts'
import type { Brand } from './ids-in-router.ts'
import { eventually } from './outbox.ts'
import { passkeyOrigin, registerKey } from './passkeys.ts'
import type { PlexTv } from './providers/plex.ts'
import type { TestServer } from './server.ts'
import { joinTeam, newTeam, type Somebody } from './teams.ts'

/** The id of one of each kind. */
export type Belongings = Record<Brand, string>

/** Makes them of a person's, who shares them with another. Sign-in asks for a passkey of theirs from then on. */
export async function belongingsOf(server: TestServer, plex: PlexTv, who: Somebody, other: Somebody): Promise<Belongings> {
  const browser = openBrowser(server.url)
  await browser.mutate('auth.signIn', { email: who.email, password: 'correct horse battery staple', delivery: 'COOKIE' })
  const { auth } = who.client
  const belongings = {
    UserId: who.userId,
    SessionId: (await auth.session.list.query({})).items[0]?.id ?? '',
    ApiKeyId: (await auth.apiKey.create.mutate({ name: 'x', scopes: ['auth.me'] })).id,
    ...(await ofTeam(server, who, other)),
    ...(await ofApplication(server, who, other)),
    ...(await ofPlex(plex, browser)),
    DataExportId: (await auth.account.dataExport.request.mutate()).id,
  }
  await eventually(async () => (await auth.account.dataExport.list.query({})).items[0]?.status === 'READY')
  // The last: who has one is asked for it by whatever asks for a proof.
  const passkey = await registerKey(browser, newAuthenticator({ origin: passkeyOrigin }), 'laptop')
  return { ...belongings, PasskeyId: (passkey.data as { id: string }).id }
}

async function ofTeam(server: TestServer, who: Somebody, other: Somebody) {
  const { id: teamId, ...team } = await newTeam(who)
  await joinTeam(server, who, other, { id: teamId, ...team }, 'ADMIN')
  const { id } = await who.client.teams.invitation.create.mutate({ teamId, email: 'invited@example.com', role: 'VIEWER' })
  return { TeamId: teamId, InvitationId: id }
}

async function ofApplication(server: TestServer, who: Somebody, other: Somebody) {
  const application = await newApplication(who)
  const { applicationSecret, applicationInvitation } = who.client.auth
  const { id: applicationId } = application
  const membership = await joinApplication(server, { inviter: who, invited: other, application, role: 'USER' })
  const invitation = await applicationInvitation.create.mutate({ applicationId, email: 'invited@example.com', role: 'USER' })
  return {
    ApplicationId: applicationId,
    MembershipId: membership.id,
    ApplicationSecretId: (await applicationSecret.create.mutate({ applicationId, name: 'x' })).id,
    ApplicationInvitationId: invitation.id,
  }
}

/** What they are there, linked; and a sign-in that waits for them to confirm. */
async function ofPlex(plex: PlexTv, browser: Browser) {
  const begun = (await browser.mutate('auth.plex.link', { delivery: 'COOKIE' })).data as { id: string; url: string }
  plex.confirm(begun.url, { id: 7_001, username: 'viewer', title: 'Viewer', email: null })
  const { account } = (await browser.mutate('auth.plex.check', { id: begun.id, wait: 0 })).data as { account: { id: string } }
  const waiting = (await browser.mutate('auth.plex.start', { delivery: 'COOKIE' })).data as { id: string }
  return { OauthAccountId: account.id, VisitId: waiting.id }
}

/** What was theirs, until they deleted it. */
export async function deletedOf(who: Somebody): Promise<Pick<Belongings, 'TeamId' | 'ApplicationId'>> {
  const [{ client }, team, application] = [who, await newTeam(who), await newApplication(who)]
  await client.teams.delete.mutate({ teamId: team.id })
  await client.auth.application.delete.mutate({ applicationId: application.id })
  return { TeamId: team.id, ApplicationId: application.id }
}

/** Waits until everything that followed from what was done is done. `url` is the owner's. */
export async function settled({ database: { ownerUrl: url } }: TestServer): Promise<void> {
  await eventually(async () => {
    const [row] = await query<{ waits: boolean }>(
      url,
      `SELECT EXISTS (SELECT FROM core.outbox) OR EXISTS (SELECT FROM jobs.job WHERE state IN ('created', 'retry', 'active')) AS waits`,
    )
    return row?.waits === false
  })
}
