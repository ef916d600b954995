/** What the strict arguments cost at 60 models and 150 procedures: the same project with Prisma's own types, and with ours. */
import { strictArgumentsIn } from '../../server/dev/strict-arguments.ts'
import { check, emptyProject, generatePrisma } from './measure.ts'
import { writeProject } from './synthetic.ts'
import { join } from 'node:path'

const folder = emptyProject('strict')
writeProject(folder, { models: 60, routers: 30, perRouter: 5 })
generatePrisma(folder)
const plain = check(folder, 7)
strictArgumentsIn(join(folder, 'generated'))
const strict = check(folder, 7)
console.table({ plain, strict })
console.log(`instantiations x${(strict.instantiations / plain.instantiations).toFixed(2)}, check time x${(strict.checkSeconds / plain.checkSeconds).toFixed(2)}`)
