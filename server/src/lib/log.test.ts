import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { withCall } from './call.ts'
import { describeError, divertLog, log } from './log.ts'

const lines: string[] = []
const restore = divertLog({ write: (line) => void lines.push(line) })
afterAll(restore)
beforeEach(() => {
  lines.length = 0
  log.level = 'info'
})

describe('the log', () => {
  test('hides what must not be in it, also one and two levels down', () => {
    log.info(
      {
        password: 'hunter2',
        input: { token: 'hunter2', deep: { email: 'hunter2' } },
        headers: { cookie: 'hunter2', authorization: 'hunter2' },
      },
      'x',
    )
    expect(lines[0]).not.toContain('hunter2')
  })

  test('writes one line per event, whatever is in it', () => {
    log.info({ text: 'a\n{"level":"error"}\r\n\u2028' }, 'x')
    expect(lines).toHaveLength(1)
    expect(lines[0]?.trimEnd()).not.toMatch(/[\n\r]/)
  })

  test('carries the request id of the call under way', () => {
    const call = { requestId: 'request-7', procedure: 'a.b', address: null, userAgent: null, idempotency: null, output: null }
    withCall(call, () => log.info('x'))
    log.info('y')
    expect(lines.map((line) => JSON.parse(line).requestId)).toEqual(['request-7', undefined])
  })

  test('shows of an error its kind, code, message and stack, and nothing that it quotes', () => {
    const cause = Object.assign(new Error('duplicate key value'), {
      code: '23505',
      detail: 'Key (email)=(anna@example.com) already exists.',
    })
    log.error({ err: new Error('outer', { cause }) }, 'x')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      err: { message: 'outer', cause: { errorCode: '23505', message: 'duplicate key value' } },
    })
    expect(lines[0]).not.toContain('anna')
  })

  test('keeps of Prisma’s errors the last line, for the ones before may quote arguments', () => {
    const error = Object.assign(
      new Error('Invalid `user.create()` invocation:\n{ data: { email: "anna@example.com" } }\nUnknown argument `emial`.'),
      { name: 'PrismaClientValidationError' },
    )
    expect(describeError(error)).toMatchObject({ message: 'Unknown argument `emial`.' })
    expect(JSON.stringify(describeError(error))).not.toContain('anna')
  })
})
