/** What a configuration is allowed to be, and is most often not meant to be. */
import type { Config } from './config.ts'

/** What is worth nothing without the other. */
const halves = [
  ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'],
  ['GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET'],
] as const

type Doubtful = Pick<Config, 'NODE_ENV' | 'PUBLIC_URL' | 'MAIL_URL' | 'SIGN_IN_LIMIT' | (typeof halves)[number][number]>

/** Gives sentences about a production configuration for the log: each names its variable and what follows. Elsewhere there are none. */
export function doubtsAbout(config: Doubtful): string[] {
  const { NODE_ENV, PUBLIC_URL, MAIL_URL, SIGN_IN_LIMIT } = config
  if (NODE_ENV !== 'production') return []
  const { protocol, hostname } = new URL(PUBLIC_URL)
  const isHere = /^(localhost|127\..*|\[::1\])$/.test(hostname)
  return [
    ...(isHere ? ['PUBLIC_URL is this machine: the links in mails lead nowhere for anybody else.'] : []),
    // In a home network there may be no https; elsewhere whoever listens on the way can take the cookie, and with it the session.
    ...(protocol === 'http:'
      ? ['PUBLIC_URL is plain http: session cookies are sent without Secure. Use https wherever others share the network.']
      : []),
    ...(MAIL_URL === undefined
      ? ['MAIL_URL is not set: no mail goes out, so nobody can sign up, be invited or choose a new password.']
      : []),
    ...halves
      .filter(([one, other]) => (config[one] === undefined) !== (config[other] === undefined))
      .map(([one, other]) => `${one} and ${other} belong together, and one is not set: nobody can sign in that way.`),
    ...(SIGN_IN_LIMIT
      ? []
      : ['SIGN_IN_LIMIT is off: passwords can be guessed, and mails asked for, without end. It is for load tests alone.']),
  ]
}
