/** The clients: each goes on making calls, notes what it was told, and sometimes asks again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { attempt, type Outcome } from './caller.ts'
import { isPassing, type Entry, type Invoke, type Procedure } from './history.ts'
import type { Random } from './random.ts'

/** A person of the campaign, with what they may act on. */
export interface Person {
  readonly userId: string
  readonly email: string
  readonly token: string
  /** A team that they own, with members whose roles they change. */
  readonly team: string
  readonly members: readonly string[]
  /** A team that they own, and delete and restore. */
  readonly toy: string
}

/** What all clients share. */
export interface Arena {
  readonly url: string
  readonly seed: string
  readonly password: string
  readonly note: (entry: Entry) => void
  /** A team that all of them own, and a member whose role all of them change. */
  readonly shared: { readonly team: string; readonly member: string }
  /** True when no new call is to be made. */
  readonly over: () => boolean
}

export interface Client {
  readonly name: string
  readonly random: Random
  readonly person: Person
  calls: number
  toyIsDeleted: boolean
}

/** A call that a client is about to make. */
export interface Order {
  readonly procedure: Procedure
  readonly mark: string
  readonly input: unknown
}

/** Makes a client that has called nothing yet. */
export function createClient(name: string, random: Random, person: Person): Client {
  return { name, random, person, calls: 0, toyIsDeleted: false }
}

/** Makes calls one after the other until it is over, and one last one that has to succeed. Gives whether it did. */
export async function keepCalling(arena: Arena, client: Client): Promise<boolean> {
  while (!arena.over()) {
    await makeCall(arena, client, draw(arena, client), { stubborn: client.random.chance(0.8) })
    await sleep(client.random.between(0, 40))
  }
  const last = await makeCall(arena, client, createTeam(client), { stubborn: true })
  return last.type === 'ok'
}

/** How often and how long a stubborn client asks again. */
const mostAttempts = 60

/** How a client behaves: `stubborn` asks again until it knows, `calm` neither goes away early nor repeats what it was told. */
export interface Manner {
  readonly stubborn: boolean
  readonly calm?: boolean
}

/** Makes one call with all its attempts. Gives the last answer. */
export async function makeCall(arena: Arena, client: Client, order: Order, { stubborn, calm = false }: Manner): Promise<Outcome> {
  const { random } = client
  client.calls += 1
  const call = `${client.name}-${client.calls}`
  const key = `${arena.seed}-call-${call}`.padStart(16, '0')
  let outcome: Outcome = { type: 'fail' }
  for (let number = 1; number <= mostAttempts; number++) {
    const abandonAfterMs = !calm && random.chance(0.03) ? random.between(0, 40) : null
    const invoke = invokeOf(client, order, { call, key, attempt: number, requestId: `${arena.seed}-${call}-${number}`.padStart(8, '0') })
    outcome = await attemptOnce(arena, client, invoke, abandonAfterMs)
    const again = outcome.type === 'ok' ? !calm && number === 1 && random.chance(0.04) : stubborn && isWorthRepeating(outcome)
    if (!again) break
    await sleep(outcome.abandoned ? 0 : random.between(20, 250))
  }
  follow(client, order, outcome)
  return outcome
}

function invokeOf(
  { name, person }: Client,
  { procedure, mark, input }: Order,
  rest: Pick<Invoke, 'call' | 'key' | 'attempt' | 'requestId'>,
): Invoke {
  const owner = procedure === 'auth.signIn' ? `device:${deviceOf(name)}` : person.userId
  return { type: 'invoke', at: Date.now(), client: name, procedure, owner, mark, input, ...rest }
}

async function attemptOnce(arena: Arena, client: Client, invoke: Invoke, abandonAfterMs: number | null): Promise<Outcome> {
  arena.note(invoke)
  const { procedure, input, key, requestId, mark } = invoke
  const signingIn = procedure === 'auth.signIn'
  const headers: Record<string, string> = signingIn
    ? { 'user-agent': mark, 'x-plinth-device': deviceOf(client.name) }
    : { authorization: `Bearer ${client.person.token}` }
  const outcome = await attempt({ url: arena.url, procedure, input, key, requestId, headers, abandonAfterMs })
  arena.note({ at: Date.now(), call: invoke.call, attempt: invoke.attempt, ...outcome })
  return outcome
}

function deviceOf(name: string): string {
  return `device-of-client-${name}`
}

/** Where nobody knows, and where the server says that it could not: the same call is sent again, under the same key. */
function isWorthRepeating({ type, code }: Outcome): boolean {
  return type === 'unknown' || isPassing(code)
}

/** A client that deleted its toy restores it next; one that was told there is none had the wrong idea. */
export function follow(client: Client, { procedure }: Order, { type, code }: Outcome): void {
  if (procedure !== 'teams.delete' && procedure !== 'teams.restore') return
  if (type === 'ok' || code === 'NOT_FOUND') client.toyIsDeleted = procedure === 'teams.delete'
}

/** Draws the next call. */
export function draw(arena: Arena, client: Client): Order {
  const { random, person } = client
  const chance = random.next()
  if (chance < 0.3) return createTeam(client)
  if (chance < 0.6) return invite(client)
  if (chance < 0.78) return changeRole(client, person.team, random.pick(person.members))
  if (chance < 0.83) return changeRole(client, arena.shared.team, arena.shared.member)
  if (chance < 0.97) return toggleToy(client)
  return signIn(client, arena.password)
}

/** The order that makes a team; its slug is the mark. */
export function createTeam({ name, calls }: Client): Order {
  const slug = `team-${name}-${calls + 1}`
  return { procedure: 'teams.create', mark: slug, input: { name: `Team ${slug}`, slug } }
}

function invite({ name, calls, person, random }: Client): Order {
  const email = `guest-${name}-${calls + 1}@example.test`
  return {
    procedure: 'teams.invitation.create',
    mark: email,
    input: { teamId: person.team, email, role: random.pick(['ADMIN', 'MEMBER', 'VIEWER']) },
  }
}

function changeRole({ random }: Client, teamId: string, userId: string): Order {
  const role = random.pick(['ADMIN', 'MEMBER', 'VIEWER'])
  return { procedure: 'teams.member.changeRole', mark: `${teamId}/${userId}`, input: { teamId, userId, role } }
}

function toggleToy({ person, toyIsDeleted }: Client): Order {
  return { procedure: toyIsDeleted ? 'teams.restore' : 'teams.delete', mark: person.toy, input: { teamId: person.toy } }
}

/** The order that signs a client in; its user agent is the mark. */
export function signIn(
  { name, calls, person }: Pick<Client, 'name' | 'calls'> & { person: Pick<Person, 'email'> },
  password: string,
): Order {
  const agent = `client ${name}, sign-in ${calls + 1}`
  return { procedure: 'auth.signIn', mark: agent, input: { email: person.email, password, delivery: 'TOKEN' } }
}
