import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { closeMail, sendMail, useMail, type Mail } from './mail.ts'

const PUBLIC_URL = 'https://plinth.example.com'
const MAIL_FROM = 'Plinth <plinth@example.com>'
const mail: Mail = {
  id: '01997b5e-0000-7000-8000-000000000001',
  to: "o'neil+a@example.com",
  subject: 'Grüße',
  text: 'Hello.\n',
  at: new Date(0),
}

afterEach(closeMail)

test('a mail lies in the folder as one file, and a repeat changes nothing', async () => {
  await using folder = await makeFolder()
  useMail({ MAIL_URL: folder.url, MAIL_FROM, PUBLIC_URL })
  await sendMail(mail)
  const first = await readFile(join(folder.path, `${mail.id}.json`), 'utf8')
  await Promise.all([sendMail(mail), sendMail(mail)])
  expect(await readdir(folder.path)).toEqual([`${mail.id}.json`])
  expect(await readFile(join(folder.path, `${mail.id}.json`), 'utf8')).toBe(first)
  expect(JSON.parse(first)).toEqual({
    messageId: `<${mail.id}@plinth.example.com>`,
    from: MAIL_FROM,
    to: mail.to,
    subject: 'Grüße',
    text: 'Hello.\n',
    date: '1970-01-01T00:00:00.000Z',
  })
})

test('over SMTP a mail goes to its one address, with the same Message-ID and Date every time', async () => {
  await using server = await listenSmtp()
  useMail({ MAIL_URL: server.url, MAIL_FROM, PUBLIC_URL })
  await sendMail(mail)
  await sendMail(mail)
  expect(server.recipients).toEqual([`<${mail.to}>`, `<${mail.to}>`])
  for (const message of server.messages) {
    expect(message).toContain(`\r\nMessage-ID: <${mail.id}@plinth.example.com>\r\n`)
    expect(message).toContain('\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\n')
    expect(message).toContain(`To: ${mail.to}\r\n`)
  }
})

test('C17 nothing that could end a header line is sent', async () => {
  await using server = await listenSmtp()
  useMail({ MAIL_URL: server.url, MAIL_FROM, PUBLIC_URL })
  const bad: Partial<Mail>[] = [
    { to: 'a@example.com\r\nBcc: x@example.org' },
    { to: 'a@example.com, x@example.org' },
    { to: 'Ada <a@example.com>' },
    { to: 'A@EXAMPLE.COM' },
    { subject: 'Hello\r\nBcc: x@example.org' },
    { subject: 'Hello\u2028' },
    { id: '../../etc/passwd' },
    { id: 'a>\r\nBcc: x@example.org' },
  ]
  for (const part of bad) await expect.soft(sendMail({ ...mail, ...part }), JSON.stringify(part)).rejects.toThrow()
  expect(server.messages).toEqual([])
})

test('a mail that the server does not take is an error, so that the job tries again', async () => {
  useMail({ MAIL_URL: 'smtp://127.0.0.1:1', MAIL_FROM, PUBLIC_URL })
  await expect(sendMail(mail)).rejects.toThrow('ECONNREFUSED')
  useMail({ MAIL_FROM, PUBLIC_URL, MAIL_URL: undefined })
  await expect(sendMail(mail)).rejects.toThrow('MAIL_URL')
})

test('an error says the number that the server answered, and none of its words: they quote the address', async () => {
  for (const [refused, said] of [
    [/^RCPT TO:/i, `550 5.1.1 <${mail.to}>: unknown here`],
    [/^MAIL FROM:/i, `550 5.7.1 mail to ${mail.to} is not wanted`],
    [/^\.$/, `554 ${mail.to} looks like spam`],
  ] as const) {
    await using server = await listenSmtp((line) => (refused.test(line) ? said : undefined))
    useMail({ MAIL_URL: server.url, MAIL_FROM, PUBLIC_URL })
    const error: unknown = await sendMail(mail).catch((thrown: unknown) => thrown)
    expect((error as Error).message).toContain(`it answered ${said.slice(0, 3)}`)
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/neil|unknown here|wanted|spam/)
  }
})

async function makeFolder() {
  const path = await mkdtemp(join(tmpdir(), 'plinth-mail-'))
  return { path, url: pathToFileURL(path).href, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

/** A mail server that takes everything (RFC 5321) but the lines to which something else is to be answered. */
async function listenSmtp(otherwise: (line: string) => string | undefined = () => undefined) {
  const messages: string[] = []
  const recipients: string[] = []
  const server = createServer((socket) => {
    let message: string[] | null = null
    let rest = ''
    const answer = (line: string): void => {
      const other = message && line !== '.' ? undefined : otherwise(line)
      if (other !== undefined) {
        message = null
        socket.write(`${other}\r\n`)
      } else if (message && line === '.') {
        messages.push(message.join('\r\n') + '\r\n')
        message = null
        socket.write('250 taken\r\n')
      } else if (message) message.push(line)
      else if (/^DATA$/i.test(line)) {
        message = ['']
        socket.write('354 go on\r\n')
      } else if (/^QUIT$/i.test(line)) socket.end('221 bye\r\n')
      else {
        if (/^RCPT TO:/i.test(line)) recipients.push(line.slice('RCPT TO:'.length))
        socket.write('250 ok\r\n')
      }
    }
    socket.write('220 test\r\n')
    socket.on('error', () => {})
    socket.on('data', (data) => {
      const lines = (rest + data.toString()).split('\r\n')
      rest = lines.pop() ?? ''
      for (const line of lines) answer(line)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { messages, recipients, url: `smtp://127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => void server.close() }
}
