/** node:http and pg with named statements, and nothing between: the least that the same promises cost. */
import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'] })

const sessionInTeam = `
  SELECT u.id AS "userId" FROM sessions AS s JOIN users AS u ON u.id = s.user_id JOIN members AS m ON m.user_id = u.id AND m.team_id = $2
  WHERE s.token = $1 AND s.expires_at > now() AND u.email_verified_at IS NOT NULL`
const page = `
  SELECT m.id, u.id AS "userId", u.name, u.email, m.role, m.created_at AS "joinedAt" FROM members AS m JOIN users AS u ON u.id = m.user_id
  WHERE m.team_id = $1 AND ($2::uuid IS NULL OR m.id > $2) ORDER BY m.id LIMIT $3`
const claim = 'INSERT INTO idempotency_keys (owner, procedure, key, fingerprint) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING'
const known = 'SELECT fingerprint, result FROM idempotency_keys WHERE owner = $1 AND procedure = $2 AND key = $3'
const lock = `
  SELECT m.role FROM teams AS t JOIN members AS m ON m.team_id = t.id AND m.user_id = $2 WHERE t.id = $1 FOR UPDATE OF t`
const target = `
  SELECT m.id, u.id AS "userId", u.name, u.email, m.role, m.created_at AS "joinedAt" FROM members AS m JOIN users AS u ON u.id = m.user_id
  WHERE m.team_id = $1 AND m.user_id = $2`
const update = 'UPDATE members SET role = $2::role, updated_at = now() WHERE id = $1'
const finish = `
  WITH a AS (INSERT INTO activity (id, event, actor_id, team_id, user_id, data) VALUES ($1, 'role_changed', $2, $3, $4, $5)),
    o AS (INSERT INTO outbox (event, actor_id, team_id, user_id, data) VALUES ('role_changed', $2, $3, $4, $5))
  UPDATE idempotency_keys SET result = $6 WHERE owner = $2 AND procedure = $7 AND key = $8`

interface Row extends Record<string, unknown> {
  id: string
  userId: string
  role: string
}
type Client = Pick<pg.PoolClient, 'query'>

const names = new Map([sessionInTeam, page, claim, known, lock, target, update, finish].map((text, at) => [text, `s${at}`]))
async function ask(client: Client, text: string, values: unknown[]): Promise<Row[]> {
  return (await client.query<Row>({ name: names.get(text) ?? '', text, values })).rows
}

class Refusal extends Error {
  readonly status: number
  constructor(status: number) {
    super('refused')
    this.status = status
  }
}

async function answer(request: IncomingMessage): Promise<unknown> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  if (url.pathname === '/readyz') return 'ok'
  const [, teamId = '', rest] = /^\/teams\/([0-9a-f-]{36})\/(members|members\/role)$/.exec(url.pathname) ?? []
  if (!rest) throw new Refusal(404)
  const token = request.headers.authorization?.slice('Bearer '.length) ?? ''
  const [session] = await ask(pool, sessionInTeam, [token, teamId])
  if (!session) throw new Refusal(404)
  if (request.method === 'POST') return changeRole(session.userId, teamId, String(request.headers['idempotency-key']), await bodyOf(request))
  const limit = Math.min(100, Number(url.searchParams.get('limit') ?? 20))
  const rows = await ask(pool, page, [teamId, url.searchParams.get('cursor'), limit + 1])
  const items = rows.slice(0, limit)
  return { items, nextCursor: rows.length > limit ? items.at(-1)?.id : null }
}

async function bodyOf(request: IncomingMessage): Promise<{ userId: string; role: string }> {
  let text = ''
  for await (const part of request.setEncoding('utf8')) text += part
  const { userId, role } = JSON.parse(text) as { userId: unknown; role: unknown }
  if (typeof userId !== 'string' || !['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'].includes(role as string)) throw new Refusal(400)
  return { userId, role: role as string }
}

async function changeRole(actorId: string, teamId: string, key: string, { userId, role }: { userId: string; role: string }): Promise<unknown> {
  const fingerprint = createHash('sha256').update(JSON.stringify([teamId, userId, role])).digest('base64url')
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const { rowCount } = await client.query({ name: 'claim', text: claim, values: [actorId, 'changeRole', key, fingerprint] })
    if (rowCount === 0) {
      const [kept] = await ask(client, known, [actorId, 'changeRole', key])
      if (kept?.['fingerprint'] !== fingerprint) throw new Refusal(409)
      await client.query('COMMIT')
      return kept['result']
    }
    const [me] = await ask(client, lock, [teamId, actorId])
    if (me?.role !== 'OWNER') throw new Refusal(403)
    const [member] = await ask(client, target, [teamId, userId])
    if (!member) throw new Refusal(404)
    await ask(client, update, [member.id, role])
    const result = { ...member, role }
    await ask(client, finish, [randomUUID(), actorId, teamId, userId, { from: member.role, to: role }, result, 'changeRole', key])
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

createServer((request, response) => {
  answer(request).then(
    (body) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
    (error: unknown) => response.writeHead(error instanceof Refusal ? error.status : 500).end(),
  )
}).listen(Number(process.env['PORT']), '127.0.0.1')
