/** How many statements something sends: counted where pg takes them. */

interface Pg {
  readonly Client: { readonly prototype: { query(...args: never[]): unknown } }
}

/** Gives what counts the statements of one piece of work, and writes the number to the parent as `{ queries }`. Nothing else may run meanwhile. */
export function countQueries({ Client }: Pg): (work: () => Promise<unknown>) => Promise<void> {
  let count = 0
  const query = Client.prototype.query
  Client.prototype.query = function (this: unknown, ...args: never[]) {
    count += 1
    return query.apply(this, args)
  }
  return async (work) => {
    await work()
    count = 0
    await work()
    const message = { queries: count }
    if (process.send) process.send(message)
    else console.log(message)
  }
}
