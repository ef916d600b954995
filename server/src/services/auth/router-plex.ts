/** The doors of sign-in by Plex. */
import { anyone, router, steppedUp } from '../../trpc/procedures.ts'
import { checkPlex, startPlex } from './plex-visits.ts'
import { deliver } from './delivery.ts'
import { setHolder } from './provider-delivery.ts'
import { CheckPlex, PlexChecked, PlexStarted, StartPlex } from './schema-provider.ts'

export const plexRouter = router({
  /** Begins a sign-in by Plex: send the person to the page it gives, and `check` meanwhile. Each call begins another. */
  start: anyone
    .meta({ cookies: true, unkeyed: true })
    .input(StartPlex)
    .output(PlexStarted)
    .mutation(async ({ ctx, input }) =>
      setHolder(ctx, await startPlex({ actor: ctx.actor, purpose: 'SIGN_IN', inBrowser: ctx.holderSecret }, input)),
    ),
  /** Begins to link what the person is at Plex to their account. */
  link: steppedUp
    .meta({ cookies: true, unkeyed: true })
    .input(StartPlex)
    .output(PlexStarted)
    .mutation(async ({ ctx, input }) =>
      setHolder(ctx, await startPlex({ actor: ctx.actor, purpose: 'LINK', inBrowser: ctx.holderSecret }, input)),
    ),
  /** Tells what came of it: asks Plex, and signs in or links once the person has confirmed. */
  check: anyone
    .meta({ cookies: true, unkeyed: true, changesCaller: true })
    .input(CheckPlex)
    .output(PlexChecked)
    .mutation(async ({ ctx, input, signal }) => {
      const visitor = { actor: ctx.actor, inBrowser: ctx.holderSecret, marker: ctx.deviceMarker }
      return deliver(ctx, await checkPlex(visitor, input, signal))
    }),
})
