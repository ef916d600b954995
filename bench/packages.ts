/** Packages of the server, for files outside of it. */
import { createRequire } from 'node:module'

/** Gives what the server gets under this name: the very instance, not one of this folder's. */
export const requireFromServer: (name: string) => unknown = createRequire(new URL('../server/package.json', import.meta.url))
