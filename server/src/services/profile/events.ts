/** The events that `profile` emits. They name the fields that changed, never what stands in them. */
import { z } from 'zod'
import { defineEvents, type EventsOf } from '#db'
import { ProfileField } from './schema.ts'

export const events = defineEvents('profile', {
  'profile.profile.created': { about: 'A person has a profile: it is made with the account.', data: z.strictObject({}) },
  'profile.profile.updated': {
    about: 'A person changed their profile.',
    data: z.strictObject({ fields: z.array(ProfileField), version: z.int() }),
  },
})

declare module '#db/events.ts' {
  interface Events extends EventsOf<typeof events> {}
}
