/** The tables of a service, outside and inside transactions. */
import { database } from './client.ts'
import { type ModelOf, type Models, ownerOf, type Service } from './models.ts'
import { type ReadingClient, withDeleted as withDeletedRows } from './soft-delete/index.ts'
import { currentTransaction } from './unit.ts'

/** The same models, for reading alone. */
export type ReadingModels<S extends Service> = Pick<ReadingClient, ModelOf<S>>

/** Gives the models of a service, living rows alone. Inside a transaction they read and write in it: no second connection. */
export function db<S extends Service>(service: S): Models<S> {
  return viewOf(service, () => currentTransaction() ?? database().prisma) as Models<S>
}

/** Gives the models of a service with deleted rows among them, for reading: the deliberate way to see them. */
export function withDeleted<S extends Service>(service: S): ReadingModels<S> {
  return viewOf(service, () => withDeletedRows(currentTransaction() ?? database().prisma)) as ReadingModels<S>
}

/** The client is looked up at each use: a view may be kept. */
function viewOf(service: Service, client: () => object): unknown {
  return new Proxy(
    {},
    {
      get: (_, key) => {
        const owner = typeof key === 'string' && ownerOf(key)
        if (!owner) return undefined
        if (owner === service) return (client() as Record<string | symbol, unknown>)[key]
        throw new Error(`${key} is no model of ${service}: call the service that owns it`)
      },
    },
  )
}
