/** A TCP proxy that a test can make silent or cut: what a network does to a connection, without a word to either side. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface TcpProxy extends AsyncDisposable {
  /** The given URL, through the proxy. */
  readonly url: string
  /** Passes nothing on any more, in neither direction, and tells nobody. New connections are taken and kept as silent. */
  hush(): void
  /** Passes on again what comes from now on; what was sent meanwhile is lost, as are the connections of then. */
  speak(): void
  close(): Promise<void>
}

/** Opens a proxy to the host and port of `target`, a URL. `answers` may change what the server says, message bytes as they come. */
export async function openProxy(target: string, answers: (bytes: Buffer) => Buffer = (bytes) => bytes): Promise<TcpProxy> {
  const to = new URL(target)
  const sockets = new Set<Socket>()
  let silent = false
  const server = createServer((near) => {
    const far = connect(Number(to.port), to.hostname)
    join(near, far, (bytes) => bytes)
    join(far, near, answers)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const through = new URL(target)
  through.hostname = '127.0.0.1'
  through.port = String((server.address() as AddressInfo).port)
  const close = async (): Promise<void> => {
    sockets.forEach((socket) => socket.destroy())
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    url: through.href,
    hush: () => (silent = true),
    speak() {
      silent = false
      sockets.forEach((socket) => socket.destroy())
    },
    close,
    [Symbol.asyncDispose]: close,
  }

  function join(from: Socket, other: Socket, change: (bytes: Buffer) => Buffer): void {
    sockets.add(from)
    from.setNoDelay(true)
    from.on('data', (bytes) => void (silent || other.destroyed || other.write(change(Buffer.from(bytes as Uint8Array)))))
    from.on('error', () => undefined)
    from.on('close', () => {
      sockets.delete(from)
      if (!silent) other.destroy()
    })
  }
}
