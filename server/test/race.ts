/** Calls that are made at one moment, each by a browser of its own, on a connection of its own. */
import { openBrowser, type Answer, type Browser } from './browser.ts'
import { openGate } from './gate.ts'

/** Makes so many calls, one for each number, when all of their connections stand. Gives the answers in their order. */
export function atOnce(url: string, count: number, call: (browser: Browser, index: number) => Promise<Answer>): Promise<Answer[]> {
  const gate = openGate(count)
  return Promise.all(Array.from({ length: count }, (_, index) => call(openBrowser(url, {}, gate), index)))
}

/** The header by which another connection is taken for this browser's. */
export function cookiesOf({ cookies }: Browser): { readonly cookie: string } {
  return { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
}

/** An address of the network 198.18.0.0/15, which is nobody's, for each number: to a server behind one proxy, callers from everywhere. */
export function addressOf(index: number): { readonly 'x-forwarded-for': string } {
  return { 'x-forwarded-for': `198.18.${Math.floor(index / 250)}.${(index % 250) + 1}` }
}
