/** A Plinth that one signs in to by way of every kind of provider, and the providers. */
import type { Browser } from '../browser.ts'
import { startTestServer, type TestServer } from '../server.ts'
import { startGithub, type Github } from './github.ts'
import { startOpenIdProvider, type OpenIdProvider } from './openid.ts'
import { startPlexTv, type PlexTv } from './plex.ts'
import { visit, type Landed } from './visit.ts'

/** Its PUBLIC_URL. */
export const publicUrl = 'https://plinth.example.com'

/** How a visit is begun: by which procedure, at whom, and what else `start` takes. */
export interface Beginning {
  readonly by?: string
  readonly provider?: string
  readonly delivery?: 'COOKIE' | 'TOKEN'
  readonly returnTo?: string
}

export interface Installation {
  readonly server: TestServer
  /** OpenID providers. */
  readonly company: OpenIdProvider
  readonly other: OpenIdProvider
  readonly github: Github
  readonly plex: PlexTv
  /** Begins a visit in this browser, at the company where nobody else is named, and comes back with the answer, which is not used yet. */
  come(browser: Browser, beginning?: Beginning): Promise<Landed>
  stop(): Promise<void>
}

/** Starts it. Whoever is at a provider is whom the test puts there. `env` adds to the configuration. */
export async function startInstallation(env: NonNullable<Parameters<typeof startTestServer>[0]>['env'] = {}): Promise<Installation> {
  const callback = (id: string) => `${publicUrl}/auth/callback/${id}`
  const [company, other] = [await startOpenIdProvider([callback('company')]), await startOpenIdProvider([callback('other')])]
  const [github, plex] = [await startGithub(callback('github')), await startPlexTv()]
  const providers = { company, other, github, plex }
  const server = await startTestServer({ env: { PUBLIC_URL: publicUrl, ...settingsOf(providers), ...env } })
  return {
    server,
    ...providers,
    async come(browser, { by = 'auth.provider.start', provider = 'company', delivery = 'COOKIE', returnTo } = {}) {
      const begun = await browser.mutate(by, { provider, delivery, ...(returnTo !== undefined && { returnTo }) })
      if (begun.status !== 200) throw new Error(`No visit was begun: ${begun.text}`)
      return visit({ publicUrl, url: server.url }, (begun.data as { url: string }).url)
    },
    async stop() {
      await server.stop()
      await Promise.all(Object.values(providers).map((provider) => provider.stop()))
    },
  }
}

function settingsOf({ company, other, github, plex }: Pick<Installation, 'company' | 'other' | 'github' | 'plex'>) {
  const issuerOf = (id: string, { url, client }: OpenIdProvider) => {
    return { id, name: `The ${id}`, issuer: url, clientId: client.id, clientSecret: client.secret }
  }
  return {
    OIDC_PROVIDERS: JSON.stringify([issuerOf('company', company), issuerOf('other', other)]),
    GITHUB_CLIENT_ID: github.client.id,
    GITHUB_CLIENT_SECRET: github.client.secret,
    GITHUB_URL: github.url,
    GITHUB_API_URL: github.url,
    PLEX_CLIENT_ID: 'plinth-of-these-tests',
    PLEX_URL: plex.url,
    PLEX_SIGN_IN_URL: `${plex.url}/auth`,
    PRIVATE_HOSTS: [company, other, github, plex].map(({ host }) => host).join(','),
  }
}
