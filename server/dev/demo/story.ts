/** What the demo tells, with the packed client alone: what is called here is what any program may call. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, RouterOutputs } from '@plinth/client'
import type { Stage } from './stage.ts'

type Package = typeof import('@plinth/client')
type Team = RouterOutputs['teams']['create']

interface Person {
  name: string
  client: Client
  me: RouterOutputs['auth']['me']
}

interface Telling {
  client: Package
  stage: Stage
  say(line: string): void
}

const ADA = { name: 'Ada', email: 'ada@example.com' }
const GRACE = { name: 'Grace', email: 'grace@example.com' }
const PASSWORD = 'engines and compilers both'

/** Tells it from the beginning to the end, in about ten seconds. */
export async function tell(telling: Telling): Promise<void> {
  const ada = await join(telling, ADA)
  const grace = await join(telling, GRACE)
  const team = await makeTeam(telling, ada)
  const watch = follow(telling, ada, team)
  await invite(telling, ada, grace, team)
  await changeRole(telling, ada, grace, team)
  await survive(telling, ada, grace, team, watch)
  await beRefused(telling, ada, team)
  await lookBack(telling, ada, team)
  watch.end()
}

async function join({ client: { createClient }, stage, say }: Telling, { name, email }: typeof ADA): Promise<Person> {
  const stranger = createClient({ url: stage.url })
  await stranger.auth.signUp.mutate({ email, name, password: PASSWORD })
  await stranger.auth.verifyEmail.mutate({ token: await stage.tokenMailedTo(email) })
  const answer = await stranger.auth.signIn.mutate({ email, password: PASSWORD, delivery: 'TOKEN' })
  const token = answer.status === 'SIGNED_IN' ? answer.token : null
  const client = createClient({ url: stage.url, token: () => token })
  const me = await client.auth.me.query()
  say(`${name} signs up, follows the link in the mail, and signs in as ${me.email}.`)
  return { name, client, me }
}

async function makeTeam({ say }: Telling, { name, client }: Person): Promise<Team> {
  const team = await client.teams.create.mutate({ name: 'Engines', slug: 'engines' })
  say(`${name} makes the team "${team.name}" and is its ${team.role}.`)
  return team
}

interface Watch {
  /** How many events were seen. */
  count(): number
  /** Resolves when this many were. */
  reaches(count: number): Promise<void>
  end(): void
}

/** Ada leaves a window open: everything that happens in the team appears in it. */
function follow({ say }: Telling, { name, client }: Person, team: Team): Watch {
  let count = 0
  const { unsubscribe } = client.teams.events.subscribe(
    { teamId: team.id },
    {
      onData({ id, data }) {
        count++
        const change = data.name === 'teams.member.role_changed' ? ` from ${data.data.from} to ${data.data.to}` : ''
        say(`    live  ${name} sees ${data.name}${change}   (event ${id})`)
      },
    },
  )
  say(`${name} watches the team live.`)
  const reaches = async (wanted: number): Promise<void> => {
    while (count < wanted) await sleep(20)
  }
  return { count: () => count, reaches, end: unsubscribe }
}

async function invite({ stage, say }: Telling, ada: Person, grace: Person, team: Team): Promise<void> {
  const { role } = await ada.client.teams.invitation.create.mutate({ teamId: team.id, email: GRACE.email, role: 'MEMBER' })
  say(`Ada invites ${GRACE.email} as ${role}.`)
  await grace.client.teams.invitation.accept.mutate({ token: await stage.tokenMailedTo(GRACE.email, /to the team/) })
  say('Grace opens the mail and joins.')
}

async function changeRole({ client: { TeamRole }, say }: Telling, ada: Person, grace: Person, team: Team): Promise<void> {
  const member = await ada.client.teams.member.changeRole.mutate({ teamId: team.id, userId: grace.me.id, role: TeamRole.ADMIN })
  say(`Ada makes Grace ${member.role}.`)
}

async function survive({ stage, say, client: { TeamRole } }: Telling, ada: Person, grace: Person, team: Team, watch: Watch): Promise<void> {
  await watch.reaches(3)
  say('The server is stopped and started again, under the eyes of everybody.')
  say(`    (nobody answered for ${await stage.restart()} ms)`)
  const { role } = await ada.client.teams.member.changeRole.mutate({ teamId: team.id, userId: grace.me.id, role: TeamRole.OWNER })
  say(`Ada makes Grace ${role}.`)
  await watch.reaches(4)
  say("Ada's window is still the same one: the subscription went on by itself after the last event it had seen.")
}

async function beRefused({ client: { isAppError }, say }: Telling, ada: Person, team: Team): Promise<void> {
  try {
    await ada.client.teams.create.mutate({ name: 'More engines', slug: team.slug })
  } catch (error) {
    if (!isAppError(error, 'CONFLICT')) throw error
    const { reason, field } = error.data.details
    say(`A second team under "${team.slug}" is refused: CONFLICT, ${reason}, field ${field}: "${error.message}"`)
  }
}

async function lookBack({ say }: Telling, ada: Person, team: Team): Promise<void> {
  const { items } = await ada.client.teams.activity.list.query({ teamId: team.id })
  say('What happened, as it stands in the log of the team:')
  for (const { at, event, actorId, data } of items.toReversed()) {
    const { from, to } = data
    say(
      `    ${at.toISOString().slice(11, 19)}  ${actorId === ada.me.id ? 'Ada  ' : 'Grace'}  ${event}${to ? `  ${String(from)} to ${String(to)}` : ''}`,
    )
  }
}
