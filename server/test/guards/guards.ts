/** Lines that decide about security. Each is taken out in a copy of the workspace, and a test that is named here has to fail each time. */

export interface Guard {
  /** What it holds. */
  readonly about: string
  readonly file: string
  /** The text of the guard, which stands there once. */
  readonly guard: string
  /** What is there without it: code that compiles and does everything else as before. */
  readonly without: string
  /** The test that must fail: its file, and how its name begins. */
  readonly testFile: string
  readonly testName: string
}

const auth = 'server/src/services/auth'

export const guards: readonly Guard[] = [
  {
    about: 'a token is used once',
    file: `${auth}/tokens.ts`,
    guard: 'where: { tokenHash: sha256(token), purpose, usedAt: null, expiresAt: { gt: tx.now } },',
    without: 'where: { tokenHash: sha256(token), purpose, expiresAt: { gt: tx.now } },',
    testFile: `${auth}/reset.cases.test.ts`,
    testName: 'R02 of twenty uses of one link at once, each with another password, one is taken',
  },
  {
    about: 'a token of one purpose is none of another',
    file: `${auth}/tokens.ts`,
    guard: 'where: { tokenHash: sha256(token), purpose, usedAt: null, expiresAt: { gt: tx.now } },',
    without: 'where: { tokenHash: sha256(token), usedAt: null, expiresAt: { gt: tx.now } },',
    testFile: `${auth}/tokens.test.ts`,
    testName: 'a token of one purpose is worth nothing for another',
  },
  {
    about: 'an attempt is counted before the password is looked at',
    file: `${auth}/sign-in.ts`,
    guard: '  const throttled = await takeAttempt(attempter)\n',
    without: '  const throttled = (await Promise.resolve(null)) as Awaited<ReturnType<typeof takeAttempt>>\n',
    testFile: `${auth}/guessing.cases.test.ts`,
    testName: 'A05 of five hundred accounts one address may try thirty, however it forges the header that names it',
  },
  {
    about: 'who has a second factor is asked for it',
    file: `${auth}/complete-sign-in.ts`,
    guard: '  if (factors.length > 0) return askForSecondFactor(tx, user, factors, { method, credential })\n',
    without: '  if (factors.length > 100) return askForSecondFactor(tx, user, factors, { method, credential })\n',
    testFile: `${auth}/levels.test.ts`,
    testName: 'M01 M09 where there is a second factor, the right password gives nothing that opens anything',
  },
  {
    about: 'a pending sign-in ends with its fifth wrong code',
    file: `${auth}/tokens.ts`,
    guard: '  if (tried && tried.tries >= most) await takeToken(tx, purpose, token)\n',
    without: '  if (tried && tried.tries >= most + 1_000) await takeToken(tx, purpose, token)\n',
    testFile: `${auth}/totp.cases.test.ts`,
    testName: 'M04 five wrong codes end a pending sign-in',
  },
  {
    about: 'a code of an authenticator app is taken once',
    file: `${auth}/totp.ts`,
    guard: 'where: { id: factor.id, lastStep: { lt: step } },',
    without: 'where: { id: factor.id },',
    testFile: `${auth}/totp.cases.test.ts`,
    testName: 'M02 a code is worth one sign-in',
  },
  {
    about: 'what is sensitive asks for a proof of the last ten minutes',
    file: `${auth}/policy.ts`,
    guard: 'return at.getTime() - authenticatedAt.getTime() < 10 * minute',
    without: 'return at.getTime() - authenticatedAt.getTime() < 10_000 * minute',
    testFile: `${auth}/levels.test.ts`,
    testName: 'what is sensitive is asked of a session older than ten minutes once more',
  },
  {
    about: 'a call with a cookie comes from a page of ours',
    file: 'server/src/http/origins.ts',
    guard: "(verdict === 'unsaid' && !hasSessionCookie(c, config) && rememberTokenOf(c, config) === null)",
    without: "verdict === 'unsaid'",
    testFile: 'server/test/cases/transport.test.ts',
    testName: 'C03 with a cookie and no word of where it comes from is refused',
  },
  {
    about: 'a new address is proven by the person whose it becomes',
    file: `${auth}/email-change.ts`,
    guard: "    if (peeked?.userId !== actor.userId) return refuseToken(tx, 'EMAIL_CHANGE_PROOF', token)\n",
    without: "    if (!peeked) return refuseToken(tx, 'EMAIL_CHANGE_PROOF', token)\n",
    testFile: `${auth}/email-change.test.ts`,
    testName: 'whoever reads a mistyped address proves nothing with the link',
  },
  {
    about: 'an application keeps an owner',
    file: `${auth}/memberships.ts`,
    guard: "return role === 'OWNER' && isLastOwner(tx, applicationId, userId)",
    without: "return role !== 'OWNER' && isLastOwner(tx, applicationId, userId)",
    testFile: `${auth}/memberships.test.ts`,
    testName: 'T03 keeps the role, stays active and stays in, until there is another',
  },
  {
    about: 'an API key calls what its scopes name',
    file: 'server/src/trpc/procedures.ts',
    guard: 'if (isOpenToKeys(path, meta) && isWithin(scopes, path)) return',
    without: 'if (isOpenToKeys(path, meta) && (scopes.length > 0 || isWithin(scopes, path))) return',
    testFile: `${auth}/api-keys.test.ts`,
    testName: 'calls what its scopes name and nothing else',
  },
  {
    about: 'a visit to a provider is finished where it was begun',
    file: `${auth}/provider-attempts.ts`,
    guard: "return { holderHash: sha256(secret ?? ''), usedAt: null, expiresAt: { gt: at }, OR: whose }",
    without:
      'return { ...(secret === at.toISOString() && { holderHash: sha256(secret) }), usedAt: null, expiresAt: { gt: at }, OR: whose }',
    testFile: `${auth}/provider-sign-in.test.ts`,
    testName: 'O01 without a state, in another browser, a second time',
  },
  {
    about: 'who is disabled or deleted has no session',
    file: `${auth}/session-statements.ts`,
    guard: '    AND u.deleted_at IS NULL AND u.disabled_at IS NULL`',
    without: '`',
    testFile: `${auth}/session-check.test.ts`,
    testName: 'S07 who is disabled or deleted has no session',
  },
  {
    about: 'a remembered device proves nobody',
    file: `${auth}/sessions.ts`,
    guard: '      ...(!showsPerson(proof.methods) && { authenticatedAt: never }),\n',
    without: '      ...(!showsPerson(proof.methods) && never.getTime() > 0 && { authenticatedAt: never }),\n',
    testFile: `${auth}/not-a-proof.cases.test.ts`,
    testName: 'R11 M08 a remembered device signs in, and is no proof of who sits before it',
  },
  {
    about: 'a link for another address is worth something for the address that it went to',
    file: `${auth}/email-change.ts`,
    guard: ' || taken.email !== about) return',
    without: " || (taken.email !== about && about === '')) return",
    testFile: `${auth}/email-change-links.cases.test.ts`,
    testName: 'R15 a link is worth something for the address that it went to alone',
  },
  {
    about: 'whoever has a second factor steps up by it',
    file: 'server/src/trpc/procedures.ts',
    guard: '  if (fresh && level >= needs.level) return\n',
    without: '  if (fresh && level >= needs.level - 1) return\n',
    testFile: `${auth}/stolen-sessions.cases.test.ts`,
    testName: 'M08 M09 a stolen session that is fresh, of the password alone, does nothing of it',
  },
  {
    about: 'what outlives a session is made for who is let in still',
    file: `${auth}/caller.ts`,
    guard: '  return isAlive ? user : null\n',
    without: '  return isAlive || user.id !== null ? user : null\n',
    testFile: `${auth}/late-calls.cases.test.ts`,
    testName: 'S04 a link to Plex that is waited for is not made once the session that waits was ended',
  },
  {
    about: 'what waits for its proof ends with the sessions of its person',
    file: `${auth}/sessions.ts`,
    guard: '  await tx.verificationToken.deleteMany({ where: { userId, usedAt: null, purpose: { in: [...waiting] } } })\n',
    without: '  await tx.verificationToken.findFirst({ where: { userId, usedAt: null, purpose: { in: [...waiting] } } })\n',
    testFile: `${auth}/pending-ends.cases.test.ts`,
    testName: 'S03 after every session was ended no session is proven by the code of a mail',
  },
]
