/** What the types of soft delete's refusals cost at 60 models and 150 procedures, and what Prisma's type of an extended client would. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { refuseInTypes } from '../../server/dev/refuse-in-types.ts'
import { check, emptyProject, generatePrisma, root } from './measure.ts'
import { writeProject } from './synthetic.ts'

const folder = emptyProject('soft-delete')
writeProject(folder, { models: 60, routers: 30, perRouter: 5 })
const metadata = `node ${join(root, 'server/dev/metadata-generator.ts')}`
appendFileSync(join(folder, 'prisma/schema.prisma'), `\ngenerator metadata {\n  provider = "${metadata}"\n  output = "../generated"\n}\n`)
generatePrisma(folder)
const plain = check(folder, 5)
refuseInTypes(join(folder, 'generated'))
const refused = check(folder, 5)
const client = join(folder, 'src/trpc.ts')
const extension = `const extend = () => (null as unknown as PrismaClient).$extends({ query: { $allModels: { $allOperations: ({ args, query }) => query(args) } } })
export declare const db: ReturnType<typeof extend>`
writeFileSync(client, readFileSync(client, 'utf8').replace('export declare const db: PrismaClient', extension))
const extended = check(folder, 5)
console.table({ plain, refused, extended })
