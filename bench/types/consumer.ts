/** What a consumer's type check costs at 20, 100 and 300 procedures: with the server's own types, and with the folded ones. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { foldFile, openProject } from '../../server/dev/publish/fold.ts'
import { strictArgumentsIn } from '../../server/dev/strict-arguments.ts'
import { check, type Cost, emptyProject, generatePrisma, root } from './measure.ts'
import { writeProject } from './synthetic.ts'

const table: Record<string, Cost & { kilobytes: number | string }> = {}
for (const procedures of [20, 100, 300]) {
  const server = emptyProject(`server-${procedures}`)
  writeProject(server, { models: 60, routers: procedures / 10, perRouter: 10 })
  generatePrisma(server)
  strictArgumentsIn(join(server, 'generated'))
  writeFileSync(join(server, 'src/api.ts'), "export type { AppRouter } from './router.ts'\n")
  const folded = fold(server)
  table[`${procedures}, the server's own types`] = { ...check(consumer(`live-${procedures}`, join(server, 'src/api.ts'), null), 3), kilobytes: '' }
  table[`${procedures}, folded`] = { ...check(consumer(`folded-${procedures}`, './api.d.ts', folded), 3), kilobytes: Math.round(folded.length / 1024) }
}
console.table(table)

function fold(server: string): string {
  const { project, close } = openProject(join(server, 'tsconfig.json'))
  try {
    return foldFile(project, join(server, 'src/api.ts'))
  } finally {
    close()
  }
}

/** A project that makes a client, calls it and reads what it gives. */
function consumer(name: string, api: string, folded: string | null): string {
  const folder = emptyProject(`consumer-${name}`, { allowImportingTsExtensions: true })
  mkdirSync(join(folder, 'src/node_modules'), { recursive: true })
  symlinkSync(join(root, 'client/node_modules/@trpc'), join(folder, 'src/node_modules/@trpc'))
  if (folded) writeFileSync(join(folder, 'src/api.d.ts'), folded)
  writeFileSync(
    join(folder, 'src/index.ts'),
    `import { createTRPCClient, type TRPCClient } from '@trpc/client'
import type { inferRouterOutputs } from '@trpc/server'
import type { AppRouter } from '${api}'
declare const client: TRPCClient<AppRouter>
export const made = createTRPCClient
export type Row = inferRouterOutputs<AppRouter>['r0']['p0']
export async function read(): Promise<string> {
  const row: Row = await client.r0.p0.query({ id: 'a' })
  const [first] = await client.r1.p1.query({ name: 'b' })
  const { total } = await client.r1.p4.query({ id: row.id })
  return \`\${row.name} \${first?.createdAt.getTime()} \${total}\`
}
`,
  )
  return folder
}
