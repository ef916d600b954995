/** An authenticator app, as a person has one: it knows the secret that it was shown and the time, and nothing of the server. */
import { totpCode, totpStep } from '#lib/totp.ts'
import { now } from '#lib/clock.ts'
import type { Browser } from './browser.ts'

export interface AuthenticatorApp {
  /** The code of this moment, or of so many times thirty seconds later. Each is taken once. */
  code(later?: number): string
}

/** Enrols an app for whoever is signed in in this browser, and confirms it by its code. The session there is of level 2 then. */
export async function enrolApp(browser: Browser, headers: Record<string, string> = {}): Promise<AuthenticatorApp> {
  const app = appWith(((await browser.mutate('auth.totp.enrol', undefined, headers)).data as { secret: string }).secret)
  const answer = await browser.mutate('auth.totp.confirm', { code: app.code() }, headers)
  if (answer.status !== 200) throw new Error(`The app was not confirmed: ${answer.text}`)
  return app
}

/** An app that was shown this secret, in base32. */
export function appWith(secret: string): AuthenticatorApp {
  const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
  return { code: (later = 0) => totpCode(bytes, totpStep(now()) + later) }
}
