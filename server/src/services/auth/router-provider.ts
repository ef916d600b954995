/** The doors of sign-in by way of other providers. */
import { anyone, Nothing, router, signedIn, steppedUp } from '../../trpc/procedures.ts'
import { deliver } from './delivery.ts'
import { listLinked, unlink } from './linked-accounts.ts'
import { setHolder } from './provider-delivery.ts'
import { finishProvider, listProviders, startProvider } from './provider-sign-in.ts'
import {
  FinishProvider,
  LinkedAccountList,
  ListLinkedAccounts,
  ProviderFinished,
  ProviderList,
  ProviderStarted,
  ProviderUnlinked,
  StartProvider,
  UnlinkProvider,
} from './schema-provider.ts'

export const providerRouter = router({
  /** Lists the providers that one can sign in by. */
  list: anyone
    .input(Nothing)
    .output(ProviderList)
    .query(() => listProviders()),
  /** Lists what the person is at providers, newest first. */
  listMine: signedIn
    .input(ListLinkedAccounts)
    .output(LinkedAccountList)
    .query(({ ctx, input }) => listLinked(ctx.actor, input)),
  /** Begins a sign-in by way of a provider: send the browser to the address it gives. Each call begins another. */
  start: anyone
    .meta({ cookies: true, unkeyed: true })
    .input(StartProvider)
    .output(ProviderStarted)
    .mutation(async ({ ctx, input }) =>
      setHolder(ctx, await startProvider({ actor: ctx.actor, purpose: 'SIGN_IN', inBrowser: ctx.holderSecret }, input)),
    ),
  /** Begins to link what the person is at a provider to their account. `finish` ends it. */
  link: steppedUp
    .meta({ cookies: true, unkeyed: true })
    .input(StartProvider)
    .output(ProviderStarted)
    .mutation(async ({ ctx, input }) =>
      setHolder(ctx, await startProvider({ actor: ctx.actor, purpose: 'LINK', inBrowser: ctx.holderSecret }, input)),
    ),
  /** Begins a proof, by a linked provider that asks the person anew, that it is still them. `auth.stepUp.provider` ends it. */
  proveAgain: signedIn
    .meta({ cookies: true, unkeyed: true })
    .input(StartProvider)
    .output(ProviderStarted)
    .mutation(async ({ ctx, input }) =>
      setHolder(ctx, await startProvider({ actor: ctx.actor, purpose: 'STEP_UP', inBrowser: ctx.holderSecret }, input)),
    ),
  /** Finishes what was begun, with the provider's answer. A session that the call came with ends where somebody signs in. */
  finish: anyone
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(FinishProvider)
    .output(ProviderFinished)
    .mutation(async ({ ctx, input }) =>
      deliver(ctx, await finishProvider({ actor: ctx.actor, inBrowser: ctx.holderSecret, marker: ctx.deviceMarker }, input)),
    ),
  /** Takes away one way to sign in; the last one stays. */
  unlink: steppedUp
    .input(UnlinkProvider)
    .output(ProviderUnlinked)
    .mutation(({ ctx, input }) => unlink(ctx.actor, input)),
})
