/** Sign-in by way of a provider, as a page does it: a button that leaves, a page that is come back to, and Plex, which is asked while one waits. */
import { isAppError, type Client, type RouterOutputs } from '@plinth/client'

/** What the page shows next. */
export type Next =
  | { readonly show: 'HOME'; readonly name: string }
  | { readonly show: 'SECOND_FACTOR'; readonly pendingToken: string }
  | { readonly show: 'MESSAGE'; readonly text: string }

/** The button. The browser leaves for the provider, and comes back to `/auth/finish`. */
export async function leaveFor(client: Client, provider: string, browser: Pick<Location, 'assign'>): Promise<void> {
  const { url } = await client.auth.provider.start.mutate({ provider, delivery: 'COOKIE', returnTo: '/auth/finish' })
  browser.assign(url)
}

/** The page `/auth/finish`. What the provider answered stands behind the # of its address: take it from there before it is kept as history. */
export async function comeBack(client: Client, hash: string): Promise<Next> {
  const { provider = '', state = '', code, iss } = Object.fromEntries(new URLSearchParams(hash.slice(1)))
  if (code === undefined) return { show: 'MESSAGE', text: 'You did not sign in.' }
  try {
    return nextAfter(await client.auth.provider.finish.mutate({ provider, state, code, ...(iss !== undefined && { iss }) }))
  } catch (error) {
    if (isAppError(error, 'CONFLICT') && error.data.details.reason === 'SIGN_IN_AND_LINK') {
      return { show: 'MESSAGE', text: 'You have an account here. Sign in to it, then link the provider in its settings.' }
    }
    return { show: 'MESSAGE', text: isAppError(error) ? error.message : 'The server cannot be reached.' }
  }
}

/** Plex: its page opens in a window of its own, and this one asks until the person has confirmed. A call waits for some seconds by itself. */
export async function signInByPlex(client: Client, open: (url: string) => void): Promise<Next> {
  const { id, url } = await client.auth.plex.start.mutate({ delivery: 'COOKIE', returnTo: '/auth/finish' })
  open(url)
  for (;;) {
    const answer = await client.auth.plex.check.mutate({ id })
    if (answer.status !== 'WAITING') return nextAfter(answer)
    await new Promise((done) => setTimeout(done, answer.retryAfterSeconds * 1_000))
  }
}

/** One switch for every way to sign in: TypeScript says when an outcome is missing. */
function nextAfter(answer: RouterOutputs['auth']['provider']['finish']): Next {
  switch (answer.status) {
    case 'SIGNED_IN':
      return { show: 'HOME', name: answer.me.name }
    case 'SECOND_FACTOR':
      return { show: 'SECOND_FACTOR', pendingToken: answer.pendingToken }
    case 'CHECK_EMAIL':
      return { show: 'MESSAGE', text: 'Follow the link in the mail that we sent you, then sign in again.' }
    case 'LINKED':
      return { show: 'MESSAGE', text: 'It is linked: you can sign in by it from now on.' }
  }
}
