import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const fixture = join(import.meta.dirname, 'fixture')

test('the linter finds every import that crosses the layers, and no other', () => {
  const oxlint = join(createRequire(import.meta.url).resolve('oxlint/package.json'), '../bin/oxlint')
  const { stdout } = spawnSync(process.execPath, [oxlint, '-c', join(fixture, 'oxlintrc.json'), '-f', 'unix', fixture], {
    encoding: 'utf8',
  })
  const found = stdout
    .split('\n')
    .flatMap(
      (line) =>
        /fixture\/(\S+?):(\d+):\d+: (.*?)\. ?\[|fixture\/(\S+?):(\d+):\d+: (.*?) \[/.exec(line)?.slice(1).filter(Boolean).join(' ') ?? [],
    )
  expect(found.toSorted()).toEqual([
    'client/src/runs-the-server.ts 2 the client may not import server/src/router.ts',
    'server/src/db/knows-a-service.ts 1 db may not import server/src/services/teams/index.ts',
    'server/src/http/looks-inside.ts 1 http may not import server/src/services/auth/tokens.ts',
    'server/src/lib/reaches-up.ts 1 lib may not import server/src/db/index.ts',
    'server/src/services/teams/members.ts 1 a service may not import server/src/services/teams/router.ts',
    'server/src/services/teams/members.ts 2 a service may not import server/src/trpc/context.ts',
    'server/src/services/teams/members.ts 3 a service may not import server/src/services/auth/sessions.ts',
    "server/src/services/teams/router.ts 1 a service's router may not import server/src/db/index.ts",
    "server/src/services/teams/router.ts 3 a service's router may not import server/src/services/auth/index.ts",
  ])
}, 30_000)
