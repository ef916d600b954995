/** The doors of sign-in by way of other providers. */
import { anyone, Nothing, router, signedIn } from '../../trpc/procedures.ts'
import { listLinked } from './linked-accounts.ts'
import { finishProvider, listProviders, startProvider } from './provider-sign-in.ts'
import {
  FinishProvider,
  LinkedAccountList,
  ListLinkedAccounts,
  ProviderFinished,
  ProviderList,
  ProviderStarted,
  StartProvider,
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
    .mutation(async ({ ctx, input }) => {
      const { answer, holder } = await startProvider({ actor: ctx.actor, purpose: 'SIGN_IN', inBrowser: ctx.holderSecret }, input)
      if (holder !== null) ctx.reply.setHolderCookie(holder)
      return answer
    }),
  /** Finishes what was begun, with the provider's answer. A session that the call came with ends where somebody signs in. */
  finish: anyone
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(FinishProvider)
    .output(ProviderFinished)
    .mutation(async ({ ctx, input }) => {
      const { answer, cookie } = await finishProvider(ctx.actor, input, ctx.holderSecret)
      if (cookie) ctx.reply.setSessionCookie(cookie.token, cookie.maxAgeSeconds)
      return answer
    }),
})
