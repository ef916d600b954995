/** What a stranger's script does with the installed client, against the server whose URL it is given. Plain JavaScript: any Node from 20 on runs it. */
import { createClient, isAppError, TeamRole } from '@plinth/client'

const plinth = createClient({ url: process.argv[2] ?? '' })
const { status } = await plinth.auth.signUp.mutate({ email: 'stranger@example.com', name: 'Stranger', password: 'from far outside' })
if (status !== 'CHECK_EMAIL') throw new Error(`signUp gave ${status}`)

const refused = await plinth.auth.me.query().catch((error) => error)
if (!isAppError(refused, 'UNAUTHORIZED')) throw new Error(`a stranger was let in: ${refused}`)

const wrong = await plinth.auth.signUp.mutate({ email: 'nobody', name: '', password: '' }).catch((error) => error)
if (!isAppError(wrong, 'BAD_REQUEST')) throw new Error(`a bad input was taken: ${wrong}`)

console.log(
  `Node ${process.version}: signed up; refused as ${refused.data.code}; bad fields ${Object.keys(wrong.data.details.fields).join(', ')}; ${TeamRole.OWNER}`,
)
