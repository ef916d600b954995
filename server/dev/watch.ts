/** Tells of changed files, a little later and once, whatever number an editor touches. */
import { watch } from 'node:fs'
import { join } from 'node:path'
import { root } from './environment.ts'

const settleMs = 120

/** Calls `changed` with the paths that changed since the last call, relative to the project. Returns what ends it. */
export function watchFolders(folders: readonly string[], changed: (paths: readonly string[]) => void): () => void {
  const paths = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  const report = (): void => {
    const batch = [...paths]
    paths.clear()
    changed(batch)
  }
  const watchers = folders.map((folder) =>
    watch(join(root, folder), { recursive: true }, (_event, name) => {
      const path = `${folder}/${String(name).replaceAll('\\', '/')}`
      if (!matters(path)) return
      paths.add(path)
      clearTimeout(timer)
      timer = setTimeout(report, settleMs)
    }),
  )
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}

function matters(path: string): boolean {
  return /\.(ts|prisma|sql|json)$/.test(path) && !path.endsWith('.test.ts') && !path.includes('/generated/')
}
