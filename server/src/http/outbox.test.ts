import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startEdge, type Edge } from '../../test/edge.ts'

let edge: Edge
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-outbox-'))
  edge = await startEdge({ NODE_ENV: 'development', PUBLIC_URL: 'http://localhost:3000', MAIL_URL: pathToFileURL(folder).href })
})
afterAll(async () => {
  await edge.stop()
  await rm(folder, { recursive: true })
})

const mail = (id: number, text: string, subject = 'Subject') =>
  writeFile(
    join(folder, `${id}.json`),
    JSON.stringify({ messageId: `<${id}@x>`, from: 'a@b', to: 'anna@example.com', subject, text, date: '2026-01-01T00:00:00.000Z' }),
  )
const outbox = async () => (await fetch(`${edge.url}/dev/mail`)).text()

describe('the outbox page', () => {
  test('is empty at first, then shows the mails, newest first, with links that can be followed', async () => {
    expect(await outbox()).toContain('No mail yet.')
    await mail(1, 'older')
    await mail(2, 'Follow http://localhost:3000/verify-email#token=abc_1-2, please.')
    const page = await outbox()
    expect(page).toContain('<a href="http://localhost:3000/verify-email#token=abc_1-2,">')
    expect(page.indexOf('verify-email')).toBeLessThan(page.indexOf('older'))
  })

  test('runs nothing that a mail holds', async () => {
    await mail(3, `<script>alert(1)</script> http://x/"onmouseover="alert(1)`, `<img src=x onerror=alert(1)>`)
    const page = await outbox()
    expect(page).not.toMatch(/<script|<img/)
    expect(page).not.toMatch(/href="[^"]*"onmouseover/)
    const { headers } = await fetch(`${edge.url}/dev/mail`)
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'/)
    expect(headers.get('content-security-policy')).not.toContain('script-src')
  })
})

test.each(['/', '/dev/mail', '/docs'])('C22 the page %s is framed by nobody', async (path) => {
  const { status, headers } = await fetch(edge.url + path, { headers: { accept: 'text/html' } })
  const type = headers.get('content-type')?.toLowerCase()
  expect([status, type, headers.get('x-frame-options')]).toEqual([200, 'text/html; charset=utf-8', 'DENY'])
  expect(headers.get('content-security-policy')).toMatch(/^default-src 'none';[^]* frame-ancestors 'none'$/)
})

describe('the pages behind the links', () => {
  test.each([
    '/sign-up',
    '/verify-email',
    '/sign-in',
    '/forgot-password',
    '/reset-password',
    '/application-invitation',
    '/invitation',
    '/undo-factor',
  ])('C22 R10 %s has a button, is framed by nobody, runs its own script alone and tells nobody where one came from', async (path) => {
    const answer = await fetch(edge.url + path)
    const page = await answer.text()
    expect(page).toMatch(/<form data-procedure="(auth|teams)\.[a-zA-Z.]+"/)
    expect(page).toContain('<button>')
    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-security-policy': expect.stringMatching(
        /^default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[\w+/=]{44}'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
      ),
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
  })

  test('do not exist outside development', async () => {
    const other = await startEdge()
    for (const path of ['/dev/mail', '/sign-in', '/verify-email']) expect((await fetch(other.url + path)).status).toBe(404)
    await other.stop()
  })
})
