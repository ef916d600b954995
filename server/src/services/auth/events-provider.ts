/** What happens when people come by way of other providers. */
import { z } from 'zod'
import { defineEvents, type EventsOf } from '#db'

const Provider = z.strictObject({ provider: z.string() })

export const providerEvents = defineEvents('auth', {
  'auth.provider.linked': {
    about: 'An account can be signed in to by way of a provider from now on. Its owner is told by mail, with a link that takes it back.',
    data: Provider.extend({ tokenId: z.uuid() }),
  },
  'auth.provider.link_refused': {
    about: 'A person tried to link what they are at a provider, and it is linked to another account.',
    data: Provider,
  },
  'auth.provider.unlinked': { about: 'An account can no longer be signed in to by way of a provider.', data: Provider },
  'auth.provider.refused': {
    about:
      'A visit to a provider could not be finished: unknown, used, too old, begun by somebody else, not confirmed there, or of somebody who is to sign in here first.',
    data: Provider,
  },
  'auth.account.claimed': {
    about:
      'The owner of an address proved it by way of a provider or of a mail to sign in by; what others had left in its account, which nobody had proven, was removed.',
    data: Provider,
  },
})

declare module '#db/events.ts' {
  interface Events extends EventsOf<typeof providerEvents> {}
}
