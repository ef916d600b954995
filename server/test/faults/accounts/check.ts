/** What must be so of everybody when all is over, whoever died when. */
import { openBrowser } from '../../browser.ts'
import { signIn, traces, type Story, type World } from './stories.ts'
import { settled } from './until.ts'

/** Lists what is not as it must be; nothing where all is well. */
export async function wrongs(world: World, stories: readonly Story[]): Promise<string[]> {
  const each = await Promise.all(stories.map(async (story) => (await wrongsOf(world, story)).map((what) => `${story.email}: ${what}`)))
  return [...each.flat(), ...(await halfMade(world))]
}

async function wrongsOf(world: World, story: Story): Promise<string[]> {
  const found = [...story.wrong, ...(await usedAgain(world, story))]
  if (story.kind === 'LEAVE') return found
  const { email, password, former } = story
  const expected: [event: string, times: number][] = [
    ['auth.user.created', 1],
    ['auth.email.verified', 1],
    ['auth.password_reset.completed', story.kind === 'RESET' ? 1 : 0],
    ['auth.provider.linked', story.kind === 'LINK' ? 1 : 0],
  ]
  for (const [event, times] of expected) {
    const seen = await traces(world, email, event)
    if (seen !== times) found.push(`${event} was recorded ${seen} times, not ${times}`)
  }
  const lets = async (one: string) => (await signIn(world, email, one)).status === 200
  if (!(await lets(password))) found.push('is locked out: the right password does not let them in')
  for (const one of former) if (await lets(one)) found.push('a former password still lets somebody in')
  return found
}

/** Every token that was used is used again, by a stranger who has it. */
async function usedAgain(world: World, { used }: Story): Promise<string[]> {
  const answers = await Promise.all(used.map(({ procedure, input }) => settled(() => openBrowser(world.url).mutate(procedure, input))))
  return answers.flatMap(({ status }, index) => (status === 400 ? [] : [`${used[index]?.procedure} took a used token: ${status}`]))
}

/** No account without a way in, none twice, and no way in without an account. */
async function halfMade({ ask }: World): Promise<string[]> {
  const wayless = `
    SELECT email FROM auth.users AS u WHERE email_verified_at IS NOT NULL AND deleted_at IS NULL
    AND NOT EXISTS (SELECT FROM auth.passwords AS p WHERE p.user_id = u.id AND p.deleted_at IS NULL)
    AND NOT EXISTS (SELECT FROM auth.oauth_accounts AS o WHERE o.user_id = u.id AND o.deleted_at IS NULL)`
  const unproven = `
    SELECT email FROM auth.users AS u WHERE email_verified_at IS NULL AND deleted_at IS NULL
    AND NOT EXISTS (SELECT FROM auth.verification_tokens AS t WHERE t.user_id = u.id AND used_at IS NULL)`
  const twice = 'SELECT email FROM auth.users WHERE deleted_at IS NULL GROUP BY email HAVING count(*) > 1'
  const orphans = `
    SELECT u.email FROM auth.sessions AS s JOIN auth.users AS u ON u.id = s.user_id
    WHERE u.deleted_at IS NOT NULL AND s.deleted_at IS NULL AND s.revoked_at IS NULL`
  const found = await Promise.all(
    Object.entries({ wayless, unproven, twice, orphans }).map(async ([what, sql]) =>
      (await ask(sql)).map(({ email }) => `${String(email)} is half an account: ${what}`),
    ),
  )
  return found.flat()
}
