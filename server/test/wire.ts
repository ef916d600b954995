/** Bytes as they are written, for what no HTTP client would send. */
import { connect } from 'node:net'

/** Sends them and gives everything that came back before the server closed the connection. */
export function exchange(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(Buffer.from(text, 'latin1')))
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    // What was still to be sent is lost when the server closes: its answer is there by then.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(answer))
  })
}
