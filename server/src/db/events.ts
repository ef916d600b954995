/** What happens here, by name: one documented catalogue that every service adds its events to. */
import type { z } from 'zod'
import type { Service } from './models.ts'

/**
 * The data of each event, by its name. A service adds its own by declaration:
 * `declare module '#db/events.ts' { interface Events extends EventsOf<typeof events> {} }`
 */
// oxlint-disable-next-line typescript/no-empty-interface, typescript/no-empty-object-type -- services merge their events into it
export interface Events {}

/** The name of an event: service, noun, what happened to it. */
export type EventName = keyof Events & string

/** Whom an event concerns: the team, and the person it is about, who need not be the one who acts. */
export interface EventScope {
  readonly team?: string
  readonly user?: string
}

/** What a service says of one of its events. */
export interface EventDefinition {
  /** One sentence: what has happened when this is recorded. */
  readonly about: string
  /** Ids and values that are not personal: activity is kept for years. */
  readonly data: z.ZodType
}

/** The data of each of these events. */
export type EventsOf<D extends Record<string, EventDefinition>> = { [N in keyof D]: z.infer<D[N]['data']> }

const catalogue = new Map<string, EventDefinition>()

/** Registers the events of a service and gives them back. An event bears its service's name, and no two are called alike. */
export function defineEvents<S extends Service, const D extends Readonly<Record<string, EventDefinition>>>(
  service: S,
  definitions: D & { readonly [N in Exclude<keyof D, `${S}.${string}`>]: never },
): D {
  for (const [name, definition] of Object.entries<EventDefinition>(definitions)) {
    if (!name.startsWith(`${service}.`)) throw new Error(`The event ${name} does not belong to ${service}`)
    if (catalogue.has(name)) throw new Error(`The event ${name} is defined twice`)
    catalogue.set(name, definition)
  }
  return definitions
}

/** Lists every event with its meaning and schema, for documents and tests. */
export function listEvents(): ReadonlyMap<string, EventDefinition> {
  return catalogue
}

/** Gives the definition of an event. Throws for one that nobody defined: the compiler knows only what was declared. */
export function definitionOf(name: string): EventDefinition {
  const definition = catalogue.get(name)
  if (!definition) throw new Error(`The event ${name} is not defined: is the events.ts of its service imported?`)
  return definition
}
