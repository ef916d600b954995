/**
 * Loaded into the server that `pnpm dev` starts: it stops when it is told to, and when whoever started it is gone, even by kill -9.
 * Ctrl-C reaches both; `pnpm dev` decides when the server stops.
 */
const stop = (): boolean => process.emit('SIGTERM')

process.on('message', (message) => message === 'stop' && stop())
process.on('disconnect', stop)
process.channel?.unref()

const on = process.on.bind(process)
Object.assign(process, {
  on: (event: string, listener: (...args: unknown[]) => void) => (event === 'SIGINT' ? on('SIGINT', () => undefined) : on(event, listener)),
})
