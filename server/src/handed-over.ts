/**
 * Connections on their way from the primary to a process. Node forgets those whose process ends before it has answered: neither side closes
 * them, and their callers wait for ever. What node:cluster sends is not documented; where it changes, the test of this fails.
 */
import type { Worker } from 'node:cluster'

/** What node:cluster sends and hears; `seq` is answered by `ack`. */
interface Message {
  readonly act?: string
  readonly seq?: number
  readonly ack?: number
}

interface Handle {
  close(): void
}

type Send = (message: Message, handle?: Handle, ...rest: unknown[]) => boolean

/** Closes what was on its way to this process when it ended: its callers hear of it at once, and try again. */
export function closeWhenLost(worker: Worker): void {
  const underWay = new Map<number, Handle>()
  const child = worker.process as unknown as { send: Send; on(event: string, hear: (message: Message) => void): void }
  const send = child.send.bind(child)
  child.send = (message, handle, ...rest) => {
    if (message.act === 'newconn' && message.seq !== undefined && handle) underWay.set(message.seq, handle)
    return send(message, handle, ...rest)
  }
  child.on('internalMessage', ({ ack }) => void (ack !== undefined && underWay.delete(ack)))
  worker.process.once('exit', () => {
    for (const handle of underWay.values()) handle.close()
    underWay.clear()
  })
}
