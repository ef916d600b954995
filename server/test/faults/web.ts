/** The web process of a campaign: the server as it is, except that it does not outlive the harness, and starts faster the next time. */
import { flushCompileCache } from 'node:module'

process.on('disconnect', () => process.exit(0))

await import('../../src/index.ts')
flushCompileCache()
