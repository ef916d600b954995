import { afterAll, beforeAll, test } from 'vitest'
import { ids, openStage, type Stage } from '../../test/activity/stage.ts'
import { newPerson, password } from '../../test/activity/people.ts'
import { advance } from '../../test/clock.ts'
import { startInstallation, type Installation } from '../../test/providers/installation.ts'

let installation: Installation
let stage: Stage

beforeAll(async () => {
  installation = await startInstallation({ TRUSTED_PROXIES: '1' })
  stage = openStage(installation.server)
})
afterAll(() => installation?.stop())

const unknown = '01991f0e-7b1c-7000-8000-000000000000'

test('T11 a call that a door refuses leaves one trace: what was asked for, who asked, and why not', async () => {
  const { leaves, open } = stage
  const by = 'ada@example.com'
  const browser = await newPerson(stage, by)
  const refused = (procedure: string, code: string) => ({ event: 'auth.call.refused', by, about: by, data: { procedure, code } })
  await leaves(browser.query('teams.get', { teamId: unknown }), 404, refused('teams.get', 'NOT_FOUND'))
  await leaves(browser.mutate('teams.delete', { teamId: unknown }), 404, refused('teams.delete', 'NOT_FOUND'))
  await leaves(browser.query('auth.person.list', {}), 403, refused('auth.person.list', 'FORBIDDEN'))
  const { key } = (await browser.mutate('auth.apiKey.create', { name: 'x', scopes: ['auth.me'] })).data as { key: string }
  const [{ id: apiKey } = { id: '' }] = await stage.ask<{ id: string }>('SELECT id FROM auth.api_keys')
  await leaves(open(key).query('teams.list', {}), 403, { ...refused('teams.list', 'FORBIDDEN'), apiKey })
  await leaves(browser.mutate('auth.session.revoke', { sessionId: unknown }), 404, {
    event: 'auth.account.refused',
    by,
    about: by,
    data: { asked: 'session.revoke', reason: 'UNKNOWN' },
  })
  await advance(installation.server.database.ownerUrl, 10 * 60_000)
  await leaves(browser.mutate('auth.totp.disable'), 401, refused('auth.totp.disable', 'STEP_UP_REQUIRED'))
  await leaves(browser.mutate('teams.create', { name: '' }), 400)
  await leaves(open().query('auth.me'), 401)
  await leaves(browser.mutate('auth.stepUp.password', { password }), 200, {
    event: 'auth.session.stepped_up',
    by,
    about: by,
    data: { ...ids('sessionId'), method: 'PASSWORD' },
  })
})
