/** What a browser does between `start` and `finish`: goes to the provider, is sent back to us, and lands on the page with the answer. */

export interface Landed {
  readonly status: number
  /** Where the browser is in the end; null where it was shown something on the way. */
  readonly page: string | null
  /** What the page was given, for `finish`. */
  readonly given: Record<string, string>
  readonly text: string
}

/** Where the server under test says that it is, and where it listens. */
export interface Place {
  readonly publicUrl: string
  readonly url: string
}

/** Goes where `start` sends it. */
export async function visit(place: Place, address: string): Promise<Landed> {
  const atProvider = await fetch(address, { redirect: 'manual' })
  const back = atProvider.headers.get('location')
  if (back === null) throw new Error(`The provider answered ${atProvider.status}`)
  return comeBack(place, back)
}

/** Follows the provider's redirect to us. */
export async function comeBack({ publicUrl, url }: Place, address: string): Promise<Landed> {
  if (!address.startsWith(`${publicUrl}/`)) throw new Error(`The provider sent the browser to ${address}`)
  const response = await fetch(url + address.slice(publicUrl.length), { redirect: 'manual' })
  const location = response.headers.get('location')
  const to = location === null ? null : new URL(location)
  const given = Object.fromEntries(new URLSearchParams(to?.hash.slice(1) || to?.search))
  if (to) [to.hash, to.search] = ['', '']
  return { status: response.status, page: to?.href ?? null, given, text: await response.text() }
}
