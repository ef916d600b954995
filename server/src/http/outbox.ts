/** In development: the mails that were sent, and the pages that their links lead to. A frontend of one's own takes the place of these pages. */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createHash } from 'node:crypto'
import { Hono, type Context } from 'hono'
import type { Config } from '#lib/config.ts'
import type { MailFile } from '#lib/mail.ts'
import { escaped, page } from './page.ts'
import type { Environment } from './request.ts'

/**
 * A page with one form, whose button calls one procedure. Opening it does nothing: a mail scanner that follows a link uses nothing up.
 * The token stands behind the # of the address, which no browser sends.
 */
interface FormPage {
  readonly title: string
  readonly procedure: string
  readonly fields: readonly ('email' | 'name' | 'password')[]
  readonly button: string
  /** Sent along as it is. */
  readonly fixed?: Record<string, string>
}

const FORMS: Record<string, FormPage> = {
  '/sign-up': { title: 'Sign up', procedure: 'auth.signUp', fields: ['name', 'email', 'password'], button: 'Sign up' },
  '/verify-email': { title: 'Verify your address', procedure: 'auth.verifyEmail', fields: [], button: 'Verify' },
  '/sign-in': {
    title: 'Sign in',
    procedure: 'auth.signIn',
    fields: ['email', 'password'],
    button: 'Sign in',
    fixed: { delivery: 'COOKIE' },
  },
  '/forgot-password': {
    title: 'Forgot your password?',
    procedure: 'auth.password.requestReset',
    fields: ['email'],
    button: 'Mail me a link',
  },
  '/reset-password': { title: 'Choose a new password', procedure: 'auth.password.reset', fields: ['password'], button: 'Set the password' },
  '/undo-factor': { title: 'Take back what was added', procedure: 'auth.account.undoFactor', fields: [], button: 'Take it back' },
  '/application-invitation': {
    title: 'Join the application',
    procedure: 'auth.applicationInvitation.accept',
    fields: [],
    button: 'Join',
  },
  '/invitation': { title: 'Join the team', procedure: 'teams.invitation.accept', fields: [], button: 'Join' },
}

/** Sends the form as the client would, and shows what came of it. */
const SCRIPT = `
const form = document.querySelector('form'), out = document.querySelector('output')
form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  const input = { ...JSON.parse(form.dataset.fixed), ...Object.fromEntries(new FormData(form)), ...(token && { token }) }
  const answer = await fetch('/trpc/' + form.dataset.procedure, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ json: input }) })
  const { error, result } = await answer.json()
  const fields = error?.json.data.details?.fields ?? {}
  out.textContent = error ? [error.json.message, ...Object.entries(fields).map(([name, faults]) => name + ' ' + faults.join(', '))].join('\\n')
    : 'Done. ' + JSON.stringify(result.data.json)
})
`

const POLICY = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  `script-src 'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'`,
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Gives the development pages. Mounted in development alone. */
export function outbox({ MAIL_URL }: Pick<Config, 'MAIL_URL'>): Hono<Environment> {
  const app = new Hono<Environment>()
  app.get('/dev/mail', async (c) => c.html(page('Outbox', await mailsIn(MAIL_URL))))
  for (const [path, form] of Object.entries(FORMS)) app.get(path, (c) => formPage(c, form))
  return app
}

function formPage(c: Context<Environment>, { title, procedure, fields, button, fixed = {} }: FormPage): Response | Promise<Response> {
  const inputs = fields
    .map((name) => `<label>${name}<input name="${name}" type="${name === 'name' ? 'text' : name}" required></label>`)
    .join('')
  const body = `<form data-procedure="${procedure}" data-fixed="${escaped(JSON.stringify(fixed))}">${inputs}<button>${button}</button></form>
<pre><output></output></pre><script>${SCRIPT}</script>`
  c.header('content-security-policy', POLICY)
  c.header('referrer-policy', 'no-referrer')
  return c.html(page(title, body))
}

async function mailsIn(url: string | undefined): Promise<string> {
  if (!url?.startsWith('file:')) return '<p>Mails are kept here when <code>MAIL_URL</code> names a folder: <code>file:///path</code>.</p>'
  const mails = await readOutbox(url)
  if (mails.length === 0) return '<p>No mail yet.</p>'
  return mails
    .map(
      ({ to, subject, date, text }) =>
        `<article><b>${escaped(subject)}</b><br><small>to ${escaped(to)}, ${escaped(date)}</small><pre>${linked(text)}</pre></article>`,
    )
    .join('')
}

/** Reads the mails of a folder, newest first. */
export async function readOutbox(url: string): Promise<MailFile[]> {
  const folder = fileURLToPath(url)
  const names = await readdir(folder).catch(() => [])
  const files = names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .reverse()
    .slice(0, 200)
  return Promise.all(files.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8'))))
}

/** Escapes a text and makes links of its http addresses. */
function linked(text: string): string {
  const parts = text.split(/(https?:\/\/[^\s<>"']+)/)
  return parts.map((part, index) => (index % 2 === 1 ? `<a href="${escaped(part)}">${escaped(part)}</a>` : escaped(part))).join('')
}
