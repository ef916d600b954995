/** What a part of a client is called, which tRPC's own proxies do not tell. */
const paths = new WeakMap<object, readonly string[]>()

/** Gives the same client, of whose every part `pathOf` knows where it stands. */
export function withPaths<T extends object>(node: T, path: readonly string[] = []): T {
  const parts = new Map<string, unknown>()
  const known = new Proxy(node, {
    get(target, key) {
      if (typeof key !== 'string') return Reflect.get(target, key)
      if (parts.has(key)) return parts.get(key)
      const part: unknown = Reflect.get(target, key)
      const found = typeof part === 'function' ? withPaths(part, [...path, key]) : part
      parts.set(key, found)
      return found
    },
  })
  paths.set(known, path)
  return known
}

/** Gives where this part of a client stands: `['teams', 'get']`. @throws TypeError for what is no part of a client that `createClient` gave */
export function pathOf(part: object): readonly string[] {
  const path = paths.get(part)
  if (!path) throw new TypeError('This is no part of a client that createClient gave.')
  return path
}
