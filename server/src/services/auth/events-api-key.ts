/** The events of API keys. Payloads hold ids alone. */
import { z } from 'zod'
import { defineEvents, type EventsOf } from '#db'
import { ApiKeyId, MembershipId } from '#lib/ids.ts'

export const apiKeyEvents = defineEvents('auth', {
  'auth.api_key.created': {
    about: 'A person made an API key, perhaps for one of their memberships.',
    data: z.strictObject({ apiKeyId: ApiKeyId, membershipId: MembershipId.nullable() }),
  },
  'auth.api_key.revoked': { about: 'A person ended one of their API keys.', data: z.strictObject({ apiKeyId: ApiKeyId }) },
})

declare module '#db/events.ts' {
  interface Events extends EventsOf<typeof apiKeyEvents> {}
}
