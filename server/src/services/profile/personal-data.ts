/** What `profile` holds of people: all of it is theirs. */
import { definePersonalData } from '#db/personal-data.ts'

export const personalData = definePersonalData('profile', {
  profile: {
    of: ['userId'],
    shows: ['displayName', 'locale', 'timeZone', 'phone', 'address', 'bio', 'avatarUrl', 'preferences', 'createdAt', 'updatedAt'],
    erasure: 'REMOVE',
  },
})
