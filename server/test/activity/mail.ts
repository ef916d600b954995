/** What people do by mail, held against the log: sign in, step up, take an unproven account, have another address. */
import { throttled, newPerson, password } from './people.ts'
import { ids, type Stage } from './stage.ts'

export async function signInByMail({ open, leaves, mailed }: Stage): Promise<void> {
  const [browser, about] = [open(), 'ada@example.com']
  const request = (email = about) => browser.mutate('auth.emailSignIn.request', { email })
  const requested = { event: 'auth.email_sign_in.requested', data: ids('tokenId') }
  await leaves(request('nobody@example.com'), 200, requested)
  await leaves(request(), 200, { ...requested, about })
  const byLink = (token: string) => browser.mutate('auth.emailSignIn.byLink', { token, delivery: 'TOKEN' })
  const started = { event: 'auth.session.started', about, data: { ...ids('sessionId'), kind: 'BEARER' } }
  const token = await mailed(about, /#token=(?<found>pln_m_[\w-]+)/)
  await leaves(byLink('pln_m_unknown'), 400, { event: 'auth.token.refused', data: { purpose: 'EMAIL_SIGN_IN' } })
  await leaves(byLink(token), 200, started)
  const { pendingToken } = (await request()).data as { pendingToken: string }
  const byCode = (given: string, pending = pendingToken) =>
    browser.mutate('auth.emailSignIn.byCode', { pendingToken: pending, code: given, delivery: 'TOKEN' })
  const typed = await mailed(about, /type this code: (?<found>\d{8})/)
  await leaves(byCode('00000000'), 401, { event: 'auth.sign_in.failed', about })
  await leaves(byCode(typed, 'pln_ec_unknown'), 401, { event: 'auth.sign_in.failed' })
  await leaves(byCode(typed), 200, started)
  await leaves(byCode(typed), 401, { event: 'auth.sign_in.failed' })
}

/** Who signed up with it has nothing in it any more; its owner has no password, and steps up by mail. */
export async function claimAndStepUp({ open, leaves, mailed }: Stage): Promise<void> {
  const [browser, about] = [open(), 'otto@example.com']
  await browser.mutate('auth.signUp', { email: about, name: 'Mallory', password })
  await browser.mutate('auth.emailSignIn.request', { email: about })
  const token = await mailed(about, /#token=(?<found>pln_m_[\w-]+)/)
  await leaves(
    browser.mutate('auth.emailSignIn.byLink', { token, delivery: 'COOKIE' }),
    200,
    { event: 'auth.account.claimed', about, data: { provider: 'email' } },
    { event: 'auth.email.verified', about },
    { event: 'auth.session.started', about, data: { ...ids('sessionId'), kind: 'COOKIE' } },
  )
  const request = () => browser.mutate('auth.stepUp.requestEmail')
  const requested = { event: 'auth.step_up.mail_requested', by: about, about, data: ids('tokenId') }
  const { pendingToken } = (await leaves(request(), 200, requested)).data as { pendingToken: string }
  const stepUp = (given: string) => browser.mutate('auth.stepUp.email', { pendingToken, code: given })
  const method = 'EMAIL'
  await leaves(stepUp('00000000'), 400, { event: 'auth.step_up.failed', by: about, about, data: { method } })
  const stepped = { event: 'auth.session.stepped_up', by: about, about, data: { ...ids('sessionId'), method } }
  await leaves(stepUp(await mailed(about, /Type this code there: (?<found>\d{8})/)), 200, stepped)
  await throttled(async () => {
    for (let mail = 1; mail <= 3; mail += 1) await leaves(request(), 200, requested)
    await leaves(request(), 429, { event: 'auth.mail.throttled', by: about, about, data: { kind: 'STEP_UP' } })
  })
}

export async function changeAddress(stage: Stage): Promise<void> {
  const [{ open, leaves, mailed }, about, next] = [stage, 'emma@example.com', 'emma.next@example.com']
  const [browser, stranger] = [await newPerson(stage, about), open()]
  const request = () => browser.mutate('auth.email.requestChange', { email: next })
  const requested = { event: 'auth.email_change.requested', by: about, about, data: ids('approvalId', 'proofId') }
  await throttled(async () => {
    for (let mail = 1; mail <= 3; mail += 1) await leaves(request(), 200, requested)
    await leaves(request(), 429, { event: 'auth.mail.throttled', by: about, about, data: { kind: 'EMAIL_CHANGE' } })
  })
  await request()
  const links = {
    approve: await mailed(about, /#token=(?<found>pln_ea_[\w-]+)/),
    confirm: await mailed(next, /#token=(?<found>pln_ep_[\w-]+)/),
  }
  const approve = (token: string) => stranger.mutate('auth.email.approveChange', { token })
  const confirm = (token: string) => browser.mutate('auth.email.confirmChange', { token })
  const refused = (purpose: string) => ({ event: 'auth.token.refused', data: { purpose } })
  await leaves(approve('pln_ea_unknown'), 400, refused('EMAIL_CHANGE_APPROVAL'))
  await leaves(confirm('pln_ep_unknown'), 400, { ...refused('EMAIL_CHANGE_PROOF'), by: about })
  await leaves(approve(links.approve), 200, { event: 'auth.email_change.approved', about })
  await leaves(
    confirm(links.confirm),
    200,
    { event: 'auth.email_change.proven', by: about, about },
    { event: 'auth.email_change.completed', by: about, about, data: ids('tokenId') },
  )
  const undo = (token: string) => stranger.mutate('auth.email.undoChange', { token })
  await leaves(undo('pln_eu_unknown'), 400, refused('EMAIL_CHANGE_UNDO'))
  await leaves(undo(await mailed(about, /#token=(?<found>pln_eu_[\w-]+)/)), 200, { event: 'auth.email_change.undone', about })
}
