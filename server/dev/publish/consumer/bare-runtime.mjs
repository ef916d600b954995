/**
 * Runs bare.mjs in a realm of its own whose globals are JavaScript's and the web's alone, as browsers, Deno, Bun and workers at the edge have
 * them. A worker, for the flags: Node's modules of other realms and resolving for another file are still experimental.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createContext, SourceTextModule } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'

const web = [
  ...['AbortController', 'AbortSignal', 'Blob', 'DOMException', 'Event', 'EventTarget', 'File', 'FormData', 'Headers', 'MessageEvent'],
  ...[
    'ReadableStream',
    'Request',
    'Response',
    'TextDecoder',
    'TextDecoderStream',
    'TextEncoder',
    'TransformStream',
    'URL',
    'URLSearchParams',
  ],
  ...['WritableStream', 'clearInterval', 'clearTimeout', 'console', 'crypto', 'fetch', 'queueMicrotask', 'setInterval', 'setTimeout'],
]
const done = (seen) => parentPort.postMessage(seen, [])
const context = createContext({ ...Object.fromEntries(web.map((name) => [name, globalThis[name]])), url: workerData.url, done })

const modules = new Map()
function moduleAt(address) {
  if (!address.startsWith('file:')) throw new Error(`the client imports ${address}`)
  const source = () => readFileSync(fileURLToPath(address), 'utf8')
  if (!modules.has(address)) modules.set(address, new SourceTextModule(source(), { context, identifier: address }))
  return modules.get(address)
}
const resolved = (specifier, parent) => {
  return specifier.startsWith('client/')
    ? `${workerData.folder}/${specifier.slice('client/'.length)}`
    : import.meta.resolve(specifier, parent)
}

const main = moduleAt(pathToFileURL(`${import.meta.dirname}/bare.mjs`).href)
await main.link((specifier, { identifier }) => moduleAt(resolved(specifier, identifier)))
await main.evaluate()
