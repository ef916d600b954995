/** The tools of node_modules, run by this Node: no shell, no PATH. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** Gives the script of a tool that is installed in the workspace at `root`: run it with Node. */
export function scriptOf(root: string, packageName: string, name = packageName): string {
  const manifest = manifestOf(root, packageName)
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: string | Record<string, string> }
  return join(dirname(manifest), typeof bin === 'string' ? bin : (bin[name] ?? ''))
}

/** Not by `resolve`: many a package does not let its manifest be resolved. */
function manifestOf(root: string, packageName: string): string {
  for (const folder of createRequire(join(root, 'package.json')).resolve.paths(packageName) ?? []) {
    const manifest = join(folder, packageName, 'package.json')
    if (existsSync(manifest)) return manifest
  }
  throw new Error(`${packageName} is not installed`)
}
