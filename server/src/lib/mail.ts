/** Mail: over SMTP, or as files in a folder while one develops. Called by jobs alone, for it waits on the network. */
import { randomUUID } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createTransport } from 'nodemailer'
import type { Config } from './config.ts'
import { isEmailAddress } from './email-address.ts'

export interface Mail {
  /** The event that asked for it. A repeated job sends the same Message-ID, so that a mailbox can show one mail. */
  readonly id: string
  /** The stored address, exactly. */
  readonly to: string
  readonly subject: string
  readonly text: string
  /** When it was asked for: the Date of every copy. */
  readonly at: Date
}

/** A mail as it lies in the folder of a `file://` MAIL_URL, as `<id>.json`; ids sort by time. */
export interface MailFile {
  readonly messageId: string
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly date: string
}

type Send = (mail: Mail) => Promise<void>

let send: Send | undefined
let stop: () => void = () => {}
let origin: string | undefined

/** Says where mail goes and who it is from. Called once at start; without MAIL_URL every mail fails, and its job waits with it. */
export function useMail(config: Pick<Config, 'MAIL_URL' | 'MAIL_FROM' | 'PUBLIC_URL'>): void {
  stop()
  stop = () => {}
  send = undefined
  origin = config.PUBLIC_URL
  if (config.MAIL_URL === undefined) return
  const { hostname } = new URL(config.PUBLIC_URL)
  send = config.MAIL_URL.startsWith('file:')
    ? toFolder(config.MAIL_URL, config.MAIL_FROM, hostname)
    : overSmtp(config.MAIL_URL, config.MAIL_FROM, hostname)
}

/**
 * The address of a page, for a mail: always under PUBLIC_URL, never under what a request calls this server. What is secret goes into the
 * fragment, which no server, log or Referer header sees.
 */
export function publicUrl(path: `/${string}`, secret: Readonly<Record<string, string>> = {}): string {
  if (origin === undefined) throw new Error('useMail() has not been called')
  const url = new URL(path, origin)
  url.hash = new URLSearchParams(secret).toString()
  return url.href
}

/** Closes the connection to the mail server. */
export function closeMail(): void {
  stop()
  send = undefined
}

/**
 * Sends a mail, to the one address that it names. It throws when the mail was not taken, for the job to try again, and at once when an address,
 * a subject or an id could end its header line: those are faults of ours, since input is checked where it comes in.
 */
export async function sendMail(mail: Mail): Promise<void> {
  if (!isEmailAddress(mail.to)) throw new Error('The recipient of a mail is not a stored address')
  if (/[\p{Cc}\u2028\u2029]/u.test(mail.subject)) throw new Error('The subject of a mail holds a control character')
  if (!/^[\w-]{1,100}$/.test(mail.id)) throw new Error('The id of a mail is not plain')
  if (send === undefined) throw new Error('MAIL_URL is not set: mail goes nowhere')
  await send(mail)
}

/** Writes whole files alone: a reader never sees half a mail. The copy of a repeated job takes the place of the first. */
function toFolder(url: string, from: string, hostname: string): Send {
  const folder = fileURLToPath(url)
  return async (mail) => {
    const file: MailFile = {
      messageId: messageId(mail, hostname),
      from,
      to: mail.to,
      subject: mail.subject,
      text: mail.text,
      date: mail.at.toISOString(),
    }
    const draft = join(folder, `.${mail.id}.${randomUUID()}.tmp`)
    await mkdir(folder, { recursive: true })
    await writeFile(draft, JSON.stringify(file, null, 2))
    await rename(draft, join(folder, `${mail.id}.json`))
  }
}

function overSmtp(url: string, from: string, hostname: string): Send {
  const { password, hostname: server } = new URL(url)
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: 2,
    // A password is never said on an open line, and a silent server holds no job for minutes.
    requireTLS: password !== '' && !['localhost', '127.0.0.1', '[::1]'].includes(server),
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 20_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  stop = () => transport.close()
  return async (mail) => {
    const message = {
      from,
      // As an object it is taken as it is; a string would be parsed as a list of addresses.
      to: { name: '', address: mail.to },
      messageId: messageId(mail, hostname),
      date: mail.at,
      subject: mail.subject,
      text: mail.text,
      disableFileAccess: true,
      disableUrlAccess: true,
      headers: { 'Auto-Submitted': 'auto-generated' },
    }
    await transport.sendMail(message).catch((error: unknown) => {
      throw withoutWords(error)
    })
  }
}

/** Of these the words are the network's. */
const OF_THE_NETWORK = ['ESOCKET', 'EDNS', 'ETIMEDOUT']

/**
 * What went wrong, by number and name alone: a server's words quote the address that it refuses, and what a job fails with is logged and kept.
 * The error has no cause, for that would hold them as well.
 */
function withoutWords(error: unknown): Error {
  const { responseCode, code, message } = error as { responseCode?: number; code?: string; message?: string }
  const reason = responseCode === undefined ? [code] : [`it answered ${responseCode}`, code]
  if (responseCode === undefined && OF_THE_NETWORK.includes(code ?? '')) reason.push(message)
  return new Error(`The mail server did not take a mail: ${reason.join(', ')}`)
}

function messageId({ id }: Mail, hostname: string): string {
  return `<${id}@${hostname}>`
}
