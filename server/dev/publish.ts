/** `pnpm build`: the client's package as a tarball, with the API's types folded into it; `--unpacked` leaves the tarball out. Exits with 1 where a type would leak. */
import { join, relative } from 'node:path'
import { buildFolder, buildPackage } from './publish/package.ts'

const root = join(import.meta.dirname, '../..')
try {
  if (process.argv.includes('--unpacked')) buildFolder(root)
  else console.log(`${relative(root, buildPackage(root))} is built: npm install it wherever the API is called.`)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
