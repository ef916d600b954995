/** `pnpm demo`: what Plinth is, in one minute: two people, a team, and the packed client against a server that is restarted meanwhile. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setStage } from './demo/stage.ts'
import { tell } from './demo/story.ts'
import { command, root } from './environment.ts'
import { generate } from './generate.ts'
import { buildFolder } from './publish/package.ts'

await command(async () => {
  console.log('Building the client as a package and starting a server with an empty database ...\n')
  generate()
  buildFolder(root)
  const client = (await import(pathToFileURL(join(root, 'client/dist/package/index.js')).href)) as typeof import('@plinth/client')
  const stage = await setStage()
  try {
    await tell({ client, stage, say: (line) => console.log(line) })
  } finally {
    await stage.clear()
  }
  console.log('\nEverything above went through client/dist/package alone. Its types are the server, its story is server/dev/demo/story.ts.')
})
