/** The session check of Better Auth as its documentation sets it up: the session in PostgreSQL, asked at each call. */
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import pg from 'pg'
import { countQueries } from '../queries.ts'
import { offer } from '../worker.ts'

const auth = betterAuth({
  database: new pg.Pool({ connectionString: process.env['DATABASE_URL'] }),
  secret: 'a secret that measures alone may know, and everybody does',
  baseURL: 'http://localhost:3000',
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
  logger: { level: 'error' },
})
const { runMigrations } = await getMigrations(auth.options)
await runMigrations()

const people: Headers[] = []
while (people.length < 16) {
  const body = { name: 'Person', email: `person${people.length}@example.com`, password: 'nine lazy otters hum' }
  const { headers } = await auth.api.signUpEmail({ body, returnHeaders: true })
  people.push(new Headers({ cookie: headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ') }))
}
let turn = 0
const check = async () => {
  const session = await auth.api.getSession({ headers: people[turn++ % people.length] ?? new Headers() })
  if (!session) throw new Error('There is no such session')
}
const queries = countQueries(pg as never)
await offer({ check, queries: () => queries(check) })
