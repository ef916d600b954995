/** Somebody who can sign in by everything that there is, and is asked for a second factor by all of it. */
import { enrolApp, type AuthenticatorApp } from '../authenticator-app.ts'
import { newAuthenticator, type Authenticator } from '../authenticator.ts'
import { openBrowser, type Answer, type Browser } from '../browser.ts'
import { registerKey, stepUpBy } from '../passkeys.ts'
import { publicUrl, type Installation } from './installation.ts'

export const everywherePassword = 'nine lazy otters hum'

export interface Everywhere {
  readonly email: string
  /** Signed in at level 2. */
  readonly browser: Browser
  /** Signed in by the password alone, before there was a second factor. */
  readonly before: Browser
  readonly key: Authenticator
  readonly app: AuthenticatorApp
}

/** Makes them: linked at the company, at GitHub and at Plex, with a passkey and then an app. They are in front of each of these from now on. */
export async function personEverywhere(place: Installation, email: string): Promise<Everywhere> {
  await place.server.signUpAs(email, { password: everywherePassword })
  const [browser, before] = [openBrowser(place.server.url), openBrowser(place.server.url)]
  for (const each of [browser, before]) await each.mutate('auth.signIn', { email, password: everywherePassword, delivery: 'COOKIE' })
  place.company.person = { sub: email, email, email_verified: true }
  place.github.user = { id: 4_711, login: 'everywhere', name: null, emails: [{ email, primary: true, verified: true }] }
  done(await comeBy(place, browser, 'company', 'auth.provider.link'))
  done(await comeBy(place, browser, 'github', 'auth.provider.link'))
  done(await comeByPlex(place, browser, 'auth.plex.link'))
  const key = newAuthenticator({ origin: publicUrl })
  done(await registerKey(browser, key, 'a key'))
  done(await stepUpBy(browser, key))
  return { email, browser, before, key, app: await enrolApp(browser) }
}

function done({ status, text }: Answer): void {
  if (status !== 200) throw new Error(`Nobody is everywhere: ${text}`)
}

/** Goes to a provider and back in this browser, and finishes what `begin` began. */
export async function comeBy(place: Installation, browser: Browser, provider: string, begin = 'auth.provider.start'): Promise<Answer> {
  const { given } = await place.come(browser, { provider, by: begin })
  return browser.mutate('auth.provider.finish', given)
}

/** Confirms at Plex what `begin` began in this browser, and asks here. */
export async function comeByPlex({ plex }: Installation, browser: Browser, begin = 'auth.plex.start'): Promise<Answer> {
  const { id, url } = (await browser.mutate(begin, { delivery: 'COOKIE' })).data as { id: string; url: string }
  plex.confirm(url, { id: 4_711, username: 'viewer', title: 'Viewer', email: null })
  return browser.mutate('auth.plex.check', { id, wait: 0 })
}
