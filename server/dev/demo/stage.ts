/** Where the demo plays: a Plinth in a process of its own with an empty database, which can be stopped and started again while people look at it. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openTemporary } from '../../src/db/embedded-temporary.ts'
import { deploy } from '../../src/deploy.ts'
import { tokenMailedTo } from '../../test/people.ts'
import { serverProcess } from '../server-process.ts'

export interface Stage {
  readonly url: string
  /** The token of the newest link that was mailed to this address. */
  tokenMailedTo(email: string, about?: RegExp): Promise<string>
  /** Stops the server and starts it again. Gives how many milliseconds nobody answered. */
  restart(): Promise<number>
  clear(): Promise<void>
}

/** Sets it up, in two or three seconds. */
export async function setStage(): Promise<Stage> {
  const database = await openTemporary()
  await deploy(database.url)
  const mails = await mkdtemp(join(tmpdir(), 'plinth-demo-'))
  const port = await freePort()
  const url = `http://localhost:${port}`
  const server = serverProcess(variables(database.url, mails, port, url), url, (code) => console.error(`the server ended (${code})`))
  await server.restart()
  return {
    url,
    tokenMailedTo: async (email, about) => tokenMailedTo(pathToFileURL(mails).href, email, about),
    async restart() {
      const begun = performance.now()
      await server.restart()
      return Math.round(performance.now() - begun)
    },
    async clear() {
      await server.stop()
      await database.close()
      await rm(mails, { recursive: true, force: true })
    },
  }
}

function variables(databaseUrl: string, mails: string, port: number, url: string): Record<string, string> {
  return {
    NODE_ENV: 'development',
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: url,
    DATABASE_URL: databaseUrl,
    PLINTH_SECRET: randomBytes(32).toString('base64url'),
    MAIL_URL: pathToFileURL(mails).href,
    LOG_LEVEL: 'silent',
    DRAIN_MS: '1000',
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  probe.once('error', reject)
  probe.listen(0, '127.0.0.1', () => {
    const { port } = probe.address() as AddressInfo
    probe.close(() => resolve(port))
  })
  return promise
}
