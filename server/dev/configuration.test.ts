import { expect, test } from 'vitest'
import { Config } from '../src/lib/config.ts'
import { configurationPage, isConfigurationFresh } from './configuration.ts'

test('docs/configuration.md has every variable of the configuration, with its meaning, what it takes and its default', () => {
  const page = configurationPage()
  for (const name of Object.keys(Config.shape)) expect(page).toMatch(new RegExp(`^\\| \`${name}\` \\| [a-z].+ \\| .+ \\| .+ \\|$`, 'm'))
  expect(page).toMatch(/^\| `PLINTH_SECRET` .*\| text of at least 32 characters \| it must be set \|$/m)
  expect(page).toMatch(/^\| `PORT` .*\| 0 to 65535 \| `3000` \|$/m)
  expect(page).toMatch(/^\| `SIGN_IN_LIMIT` .*\| `on`, `off` \| `on` \|$/m)
  expect(isConfigurationFresh()).toBe(true)
})
