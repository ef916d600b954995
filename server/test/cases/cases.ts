/** The attacks on accounts that are tried, one by one, and what must hold against each. A test says which it tries by the number that its name begins with. */

export interface Case {
  /** Stays the same for good: tests, documents and reports name it. */
  readonly id: string
  readonly guarantee: string
  /** What of the attack has nothing here that it could be tried on, or is proved elsewhere, and why. */
  readonly beyond?: string
}

export interface Group {
  readonly title: string
  readonly cases: readonly Case[]
}

type Line = readonly [id: string, guarantee: string, beyond?: string]

const group = (title: string, lines: readonly Line[]): Group => ({
  title,
  cases: lines.map(([id, guarantee, beyond]) => ({ id, guarantee, ...(beyond !== undefined && { beyond }) })),
})

const provider = 'belongs to the OpenID Connect provider, which there is not yet'

const sessions = group('Sessions and cookies', [
  ['S01', 'A token that somebody planted before a sign-in is never the token of the session.'],
  ['S02', 'Signing in while signed in gives a new token, and the old one is nothing at once.'],
  ['S03', 'After signing out no token of the session opens anything, in no process.'],
  ['S04', 'Whoever ends their other sessions keeps the one in use, and the others end.'],
  ['S05', 'A change of password ends every session; the one in use goes on under a new token.'],
  ['S06', 'A reset ends every session and begins none.'],
  ['S07', 'Who is disabled or deleted has no session and no key, in every process.', `Userinfo and refresh tokens: ${provider}.`],
  ['S08', 'A session ends when it is idle for too long, and when it is too old however much it is used.'],
  ['S09', 'Every cookie has each attribute that keeps it ours, and is taken away with the same ones.'],
  ['S10', 'No secret is in the database or in the log as it is used.', `Refresh tokens: ${provider}.`],
  ['S11', 'A credential is taken in its own channel alone.'],
  ['S14', 'Nobody ends a session of somebody else, or learns that there is one.'],
  ['S15', 'The list of sessions holds one’s own, and no token, hash or whole address.'],
  ['S16', 'Fifty sign-ins at once are fifty sessions, or are told to wait; none shares a token and none fails.'],
  ['S18', 'A process that cannot hear of revocations trusts no memory.'],
  ['S19', 'No answer is kept by a cache.'],
])

const transport = group('Forgery, transport and parser', [
  ['C01', 'A foreign page signs nobody out.'],
  ['C02', 'A mutation is taken as JSON alone; as anything else it is refused before it is run.'],
  ['C03', 'A cookie needs the proof that the call comes from a page of ours; a bearer token does not.'],
  ['C04', 'An origin that merely resembles ours is foreign.'],
  ['C05', 'A mutation is run by POST alone.'],
  ['C06', 'A foreign origin is given no permission to read, is never repeated back, and never a star.'],
  ['C07', 'In a batch each call counts.'],
  ['C09', 'A body that is too large is refused, with and without an announced length, and memory stays flat.'],
  ['C10', 'Two hundred connections that trickle are closed in time, and nobody else waits for them.'],
  ['C11', 'JSON that is deep or wide is refused at once.'],
  ['C12', 'Annotations of the transport change no prototype.'],
  ['C13', 'A value of another kind than the one that is asked for is refused, and is no fault of ours.'],
  ['C16', 'No refusal and no fault tells of code, files, statements or people.'],
  ['C17', 'What could end a header line is refused: no mail has a second recipient and no answer another header.'],
  ['C18', 'A link leads to the configured address, whatever the request calls this server.'],
  ['C19', 'An address is counted as one customer, however it is forged or spelt.'],
  ['C21', 'A line of the log cannot be forged by what is sent.'],
  ['C22', 'No page of ours is framed, and none with a token in its address tells it to others.', `The consent page: ${provider}.`],
])

const signIn = group('Sign-up, sign-in, enumeration and throttling', [
  ['A01', 'Signing up tells nobody whether an address has an account, by neither answer nor time.'],
  ['A02', 'Every refused sign-in has one answer and takes the same time.'],
  ['A03', 'Asking for a link tells nobody whether there is an account, by neither answer nor time.'],
  ['A04', 'Guessing at one account from everywhere is slowed down, and does not lock out the devices it is known on.'],
  ['A05', 'One address does not try many accounts.'],
  ['A07', 'Of many guesses at once no more are looked at than the limit allows.'],
  ['A08', 'A password has 15 to 128 characters, whatever they are.'],
  ['A10', 'A password is exact, in any Unicode form.'],
  ['A11', 'What guessers try first is no password.'],
  ['A12', 'One mailbox is one account, and mail goes to the address exactly as it is stored.'],
  ['A13', 'Tags and dots belong to an address.'],
  ['A14', 'Twenty sign-ups with one address at once are one account.'],
  ['A15', 'Who waits in an unproven account has nothing of it when its owner comes.'],
  ['A17', 'Who has not proven the address makes nothing.', `Consent and the claim email_verified: ${provider}.`],
  ['A18', 'No field that is not the caller’s to set can be set.'],
  ['A19', 'What a person sees of an account is what is meant for them.'],
])

const links = group('Verification, reset, change of address', [
  ['R01', 'A link for a new password works once.'],
  ['R02', 'Of twenty uses of one link at once one sets its password.'],
  ['R03', 'A newer link ends the older one.'],
  ['R04', 'A link ends after twenty minutes.'],
  ['R06', 'A link changes the account that it was sent to and no other.'],
  ['R08', 'A new password removes no second factor.'],
  [
    'R10',
    'The token of a link reaches no other site and no log.',
    'The pages behind links are there in development alone; in production they are the application’s.',
  ],
  ['R11', 'A session that was proven longer than ten minutes ago changes no address.'],
  ['R12', 'Whoever holds a stolen session carries no account away, and the old address can take a change back for seven days.'],
  ['R15', 'The links of a request for another address end with the next request.'],
  ['R16', 'A hundred requests are three mails an hour, and are answered alike.'],
  ['R17', 'What expires does so by the clock of the database, whatever a process believes.'],
])

const factors = group('Second factors', [
  ['M01', 'A sign-in that waits for its second factor is no session.', `The login page of the protocol: ${provider}.`],
  ['M02', 'A code is worth one sign-in.'],
  ['M04', 'Five wrong codes end a pending sign-in, and all ways in are counted as one.'],
  ['M05', 'A recovery code works once.'],
  ['M06', 'New recovery codes end the old ones, and ask for a fresh proof.'],
  ['M07', 'What was enrolled and never confirmed is not asked for, and is shown once.'],
  ['M08', 'A stolen session takes no factor away.'],
  ['M09', 'No way in leads past a second factor.'],
  ['M11', 'A passkey’s answer that was made for another site is refused.'],
  [
    'M12',
    'A passkey’s answer of which any part was changed is refused.',
    'One that did not verify its person is no whole sign-in, and leads to the second factor: M09.',
  ],
  ['M13', 'A challenge is worth one answer, for five minutes, in the browser that asked for it.'],
  ['M14', 'A passkey whose counter goes back is refused, and that is recorded.'],
  ['M15', 'Nobody registers a passkey that is there already.'],
  ['M18', 'Asking for a passkey tells nobody whether there is an account.'],
])

const elsewhere = group('Sign-in elsewhere, and Plex', [
  ['O01', 'A visit to a provider is finished once, in the browser that began it, with its own state.'],
  ['O02', 'A token of a provider of which anything is wrong lets nobody in.'],
  ['O03', 'A code of somebody else is worth nothing in one’s own visit.'],
  ['O06', 'The same subject at two providers is two identities.'],
  ['O08', 'What is linked to somebody else stays theirs.'],
  ['O09', 'An address that changes at the provider changes nothing here.'],
  [
    'O10',
    'No provider makes us call into our own network.',
    'Nobody registers a provider over HTTP: who runs the installation names them in its configuration.',
  ],
  [
    'O11',
    'A PIN of Plex belongs to whoever asked for it, works once, and its token is in no answer.',
    'A visit is known by an id of ours: Plex’s own number, which could be guessed, is no id here, and is 400.',
  ],
])

const tenancy = group('Authorization, tenancy and lifecycle', [
  ['T01', 'What belongs to somebody else is answered as what does not exist.'],
  ['T02', 'Nobody gives themselves or others more than they are, nor takes from who is more.'],
  ['T03', 'What has owners keeps one: the last stays until there is another.'],
  ['T04', 'A role in one application is nothing in another.'],
  ['T05', 'A role that was taken away is gone at once, in every process.'],
  ['T07', 'A deleted account is found by no way in, and its address begins anew.'],
  ['T08', 'What is deleted is invisible everywhere, and its name is free.'],
  ['T10', 'Who looks through another’s eyes is an administrator, is recorded, changes no way in, and is out after an hour.'],
  ['T11', 'Nobody changes what was recorded, and each success and each failure leaves one trace without secrets.'],
  ['T13', 'A message from outside that is unsigned, old or repeated does nothing.', 'No service takes such messages yet: payments will.'],
  ['T14', 'An export of one’s data is one’s own, asks for a fresh proof, and its link ends.'],
  ['T15', 'After an erasure nothing of the person is left but what names nobody.'],
])

const protocol = group('OpenID Connect provider', [
  ['P01', 'A redirect address that could lead elsewhere cannot be registered.', `At the authorization endpoint: ${provider}.`],
])

/** Every group of cases, in the order of the page. */
export const groups: readonly Group[] = [sessions, transport, signIn, links, factors, elsewhere, tenancy, protocol]

/** A group that is left out as a whole, and why. */
export const leftOut = { title: 'P02 to P21', why: `Each of them ${provider}.` } as const

/** Every case, by its number. */
export const cases: ReadonlyMap<string, Case> = new Map(groups.flatMap((each) => each.cases.map((one) => [one.id, one])))
