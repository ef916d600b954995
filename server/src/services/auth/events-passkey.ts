/** What happens to passkeys. */
import { z } from 'zod'
import { defineEvents, type EventsOf } from '#db'
import { PasskeyId } from '#lib/ids.ts'

const Nothing = z.strictObject({})
const Which = z.strictObject({ passkeyId: PasskeyId })

export const passkeyEvents = defineEvents('auth', {
  'auth.passkey.registered': {
    about:
      'An account can be signed in to by a passkey from now on, and asks for one after a password. Its owner is told by mail, also where no recovery code is left.',
    data: Which.extend({ recoveryCodesLeft: z.int(), tokenId: z.uuid() }),
  },
  'auth.passkey.registration_refused': {
    about: 'A person tried to register a passkey that is registered already, theirs or somebody else’s.',
    data: Nothing,
  },
  'auth.passkey.registration_failed': {
    about: 'What was to register a passkey was wrong, too late, or came from another session.',
    data: Nothing,
  },
  'auth.passkey.renamed': { about: 'A person gave a passkey another name.', data: Which },
  'auth.passkey.removed': { about: 'An account can no longer be signed in to by a passkey.', data: Which },
  'auth.passkey.clone_suspected': {
    about: 'A passkey counted no further than it had: there is a copy of it, or somebody shows what was signed before. It was refused.',
    data: Which,
  },
})

declare module '#db/events.ts' {
  interface Events extends EventsOf<typeof passkeyEvents> {}
}
