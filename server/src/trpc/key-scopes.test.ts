import { ApiKeyId } from '#lib/ids.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEdge, type Edge } from '../../test/edge.ts'
import { appRouter } from '../router.ts'
import { isOpenToKeys, isWithin, pathsOpenToKeys } from './key-scopes.ts'

const key = (number: number, scopes: readonly string[]) => ({ id: ApiKeyId.parse(`01991f0e-7b1c-7000-8000-00000000000${number}`), scopes })
let edge: Edge

beforeAll(async () => {
  edge = await startEdge({ CALLS_PER_MINUTE: '3' }, appRouter)
})
afterAll(() => edge.stop())

test('a scope names one procedure, or all below', () => {
  expect(isWithin(['teams.get'], 'teams.get')).toBe(true)
  for (const path of ['teams.getter', 'teams.get.all', 'xteams.get', 'teams', 'auth.get'])
    expect([path, isWithin(['teams.get'], path)]).toEqual([path, false])
  for (const path of ['teams.get', 'teams.member.list']) expect([path, isWithin(['teams.*'], path)]).toEqual([path, true])
  for (const path of ['teams', 'teamsx.get', 'auth.teams.get']) expect([path, isWithin(['teams.*'], path)]).toEqual([path, false])
  expect(isWithin([], 'teams.get')).toBe(false)
})

test('what is in auth is closed to keys unless it says otherwise; sessions, passwords, keys, secrets and administration are closed', () => {
  expect([isOpenToKeys('auth.x', {}), isOpenToKeys('auth.x', { keys: true })]).toEqual([false, true])
  expect([isOpenToKeys('teams.x', {}), isOpenToKeys('teams.x', { keys: false })]).toEqual([true, false])
  const open = [...pathsOpenToKeys(appRouter)]
  expect(open).toContain('teams.list')
  expect(
    open.filter((path) => /^admin\.|^auth\.(?:session|password|apiKey|applicationSecret|email|signIn|signUp|setUp)/.test(path)),
  ).toEqual([])
  expect(open.filter((path) => path.startsWith('auth.')).toSorted()).toEqual([
    'auth.application.get',
    'auth.application.list',
    'auth.applicationInvitation.create',
    'auth.applicationInvitation.list',
    'auth.applicationInvitation.revoke',
    'auth.me',
    'auth.membership.list',
    'auth.membership.remove',
    'auth.membership.update',
  ])
})

test('calls by a key are counted by themselves: neither its owner nor another key waits for it', async () => {
  const { userId } = edge.sessions.add('owner')
  edge.sessions.add('one', { userId, apiKey: key(1, []) })
  edge.sessions.add('two', { userId, apiKey: key(2, []) })
  const codes = []
  for (let i = 0; i < 5; i += 1) codes.push(await codeOf('one'))
  expect(codes).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'TOO_MANY_REQUESTS', 'TOO_MANY_REQUESTS'])
  expect(await codeOf('two')).toBe('FORBIDDEN')
  expect(await codeOf('owner')).not.toBe('TOO_MANY_REQUESTS')
})

async function codeOf(token: string): Promise<string> {
  const answer = await edge.call('auth.session.list', { headers: { authorization: `Bearer ${token}` } })
  return /"code":"([A-Z_]+)"/.exec(await answer.text())?.[1] ?? 'done'
}
