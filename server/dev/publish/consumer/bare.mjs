/** What a runtime without Node's globals does with the built client. Its global object has JavaScript's own and these of the web, and nothing else. */
import { createClient, isAppError, TeamId } from 'client/index.js'
import { queryOptions } from 'client/tanstack.js'

const plinth = createClient({ url, token: 'token-anna', streaming: true })

const [echo, ten] = await Promise.all([plinth.echo.query({ at: new Date(1), big: 1n }), plinth.tenRows.query()])
const noted = await plinth.note.mutate({ text: 'a' })
const upload = await plinth.upload.mutate({ title: 'b', file: new File(['one'], 'a.txt') })
const refused = await plinth.forAdmins.query().catch((error) => error)
const ticks = []
for await (const { data } of plinth.ticks.subscribe({ everyMs: 5 })) if (ticks.push(data.number) === 3) break

done({
  globals: ['process', 'Buffer', 'global', 'require', 'setImmediate', 'module'].filter((name) => name in globalThis),
  echo: [echo.at.getTime(), echo.big],
  rows: ten.items.length,
  note: noted.input.text,
  upload: upload.texts,
  refused: isAppError(refused, 'FORBIDDEN'),
  ticks,
  id: TeamId.is('x'),
  key: queryOptions(plinth.tenRows).queryKey,
})
