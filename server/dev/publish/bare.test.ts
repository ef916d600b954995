import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEdge, type Edge } from '../../test/edge.ts'
import { buildFolder } from './package.ts'

const root = join(import.meta.dirname, '../../..')
const folder = join(root, 'client/dist/tested')

let edge: Edge
beforeAll(async () => {
  buildFolder(root, folder)
  edge = await startEdge()
  edge.sessions.add('token-anna')
})
afterAll(async () => {
  await edge.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('the built client calls, streams, uploads and subscribes where there are the globals of the web alone', async () => {
  const worker = new Worker(join(import.meta.dirname, 'consumer/bare-runtime.mjs'), {
    workerData: { url: edge.url, folder: pathToFileURL(folder).href },
    execArgv: ['--experimental-vm-modules', '--experimental-import-meta-resolve', '--no-warnings'],
  })
  const seen = await new Promise((resolve, reject) => void worker.once('message', resolve).once('error', reject))
  await worker.terminate()
  expect(seen).toEqual({
    globals: [],
    echo: [1, 1n],
    rows: 10,
    note: 'a',
    upload: ['one'],
    refused: true,
    ticks: [1, 2, 3],
    id: false,
    key: ['plinth', 'tenRows', 'query'],
  })
})
