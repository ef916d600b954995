/** Requests in a closed loop over kept connections: as many at once as there are lanes, each the next when its last was answered. */
import { Agent, request } from 'node:http'

export interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers: Record<string, string>
  readonly body?: string
}

/** Gives what to send next. */
export type Calls = () => Call

export interface Loaded {
  readonly count: number
  readonly seconds: number
  /** Milliseconds of each, in order of their end. */
  readonly latencies: readonly number[]
}

const agents = new Map<string, Agent>()

/** Sends `count` requests, `lanes` at once. Throws at an answer that is not 200: what was refused is not measured. */
export async function load(url: string, calls: Calls, { count, lanes }: { count: number; lanes: number }): Promise<Loaded> {
  const agent = agents.get(url) ?? new Agent({ keepAlive: true, maxSockets: 64 })
  agents.set(url, agent)
  const latencies: number[] = []
  let left = count
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const begun = performance.now()
      await send(url, agent, calls())
      latencies.push(performance.now() - begun)
    }
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: lanes }, lane))
  return { count, seconds: (performance.now() - begun) / 1_000, latencies }
}

/** Sends one request and gives the text of its answer. */
export function send(url: string, agent: Agent | undefined, { method, path, headers, body }: Call): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const sent = request(url + path, { method, headers, ...(agent && { agent }) }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (part: string) => (text += part))
    response.on('error', reject)
    response.on('end', () => {
      if (response.statusCode === 200) return resolve(text)
      reject(new Error(`${method} ${path.slice(0, 80)} was answered ${response.statusCode}: ${text.slice(0, 300)}`))
    })
  })
  sent.on('error', reject)
  sent.end(body)
  return promise
}

/** Lets go of the connections. */
export function hangUp(): void {
  for (const agent of agents.values()) agent.destroy()
  agents.clear()
}
