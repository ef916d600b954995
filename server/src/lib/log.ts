/** The log: one JSON line per event, readable in development. It holds no secret, no token and no personal data, and no input can forge a line. */
import { pino, type DestinationStream, type Logger } from 'pino'
import { currentCall } from './call.ts'
import type { Config } from './config.ts'
import { siblings } from './siblings.ts'

/** Values under these names are never written, however they got into an event. */
const SECRET_NAMES = ['password', 'newPassword', 'token', 'secret', 'authorization', 'cookie', 'email', 'address', 'userAgent']

/** Longer texts of an error are cut: PostgreSQL and Prisma repeat what they were given. */
const LONGEST_MESSAGE = 500

/** Where lines go; changed by useLog. pino's own destination writes synchronously, so that the last line before a crash is there. */
let destination: DestinationStream = pino.destination({ fd: 1, sync: true })

const dress = {
  base: null,
  formatters: { level: (level: string) => ({ level }) },
  timestamp: pino.stdTimeFunctions.isoTime,
  mixin: whereFrom,
}

/**
 * The log of this process. Inside a call each line carries its request id by itself, and the number of the process where there are several. Put what varies into the first argument,
 * `log.warn({ queue }, 'A job failed for good.')`: the sentence is constant, so that lines can be counted and nothing can be smuggled in.
 */
export const log: Logger = pino(
  {
    ...dress,
    level: 'info',
    redact: { paths: SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[hidden]' },
    serializers: { err: describeError, error: describeError },
  },
  { write: (line) => destination.write(line) },
)

/** Every field of a request's line is named here, and none may be secret: nothing has to look for secrets in it, once for every request. */
interface RequestLine {
  readonly requestId: string
  readonly method: string
  readonly path: string
  readonly status: number
  readonly ms: number
}

const requestLines = pino({ ...dress, level: 'trace' }, { write: (line) => destination.write(line) })

/** Writes the one line of a request. */
export function logRequest(level: 'info' | 'warn', { requestId, method, path, status, ms }: RequestLine): void {
  if (log.isLevelEnabled(level)) requestLines[level]({ requestId, method, path, status, ms }, 'request')
}

/** Sets how much is logged and, in development, in which dress. Called once at start. */
export async function useLog({ LOG_LEVEL, NODE_ENV }: Pick<Config, 'LOG_LEVEL' | 'NODE_ENV'>): Promise<void> {
  log.level = LOG_LEVEL
  if (NODE_ENV !== 'development') return
  const { default: pretty } = await import('pino-pretty')
  destination = pretty({ colorize: process.stdout.isTTY, ignore: 'requestId', translateTime: 'SYS:HH:MM:ss', sync: true })
}

/** Sends the lines elsewhere; tests alone call it. Returns how to undo it. */
export function divertLog(to: DestinationStream): () => void {
  const before = destination
  destination = to
  return () => {
    destination = before
  }
}

/**
 * An error as the log may hold it: type, code, a cut message and the stack, and its causes. Other properties stay out:
 * PostgreSQL's `detail` quotes the row, and Prisma's messages may quote the arguments, of which only the last line says what is wrong.
 */
export function describeError(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { type: typeof error }
  const message = error.name.startsWith('PrismaClient') ? (error.message.trim().split('\n').at(-1) ?? '') : error.message
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? []
  return {
    type: error.name,
    ...('code' in error && typeof error.code === 'string' && { errorCode: error.code }),
    message: message.slice(0, LONGEST_MESSAGE),
    stack: frames.slice(0, 20).join('\n'),
    ...(error.cause !== undefined && depth < 4 && { cause: describeError(error.cause, depth + 1) }),
  }
}

function whereFrom(): object {
  const [call, beside] = [currentCall(), siblings()]
  return { ...(beside && { process: beside.number }), ...(call && { requestId: call.requestId }) }
}
