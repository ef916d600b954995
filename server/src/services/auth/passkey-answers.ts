/** Reading what authenticators answer. Nothing is decided here that a second call could make untrue: that is for the transaction. */
import {
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type VerifiedAuthenticationResponse,
  type VerifiedRegistrationResponse,
} from '@simplewebauthn/server'
import { decodeAttestationObject } from '@simplewebauthn/server/helpers'
import { z } from 'zod'
import { db, type Row } from '#db'
import { party } from './passkey-party.ts'
import type { AskResponse, RegistrationResponse } from './schema-passkey.ts'

/** EdDSA, ES256, RS256 (RFC 9053). The library offers ML-DSA as well, which Node calls an experiment. */
export const algorithms = [-8, -7, -257]

/** A signature that is right, of a passkey that lives. */
export interface Shown {
  readonly passkeyId: string
  readonly userId: string
  readonly counter: bigint
  /** Whether the authenticator verified its person: PIN, finger, face. */
  readonly verifiedPerson: boolean
  readonly backedUp: boolean
  /** Whether it named its person by itself, as one that was found without an account must (WebAuthn, 7.2, step 6). */
  readonly namesPerson: boolean
}

/** An answer: which challenge it says it answers, and what it proves; null for nothing. */
export interface Answer {
  readonly challenge: string
  readonly shown: Shown | null
}

/** Reads an answer and verifies its signature, the page it was made for, and the party. Whether it comes in time, and once, is still to be decided. */
export async function readAnswer(response: AskResponse): Promise<Answer> {
  const challenge = challengeOf(response.response.clientDataJSON)
  const passkey = await db('auth').passkey.findFirst({ where: { credentialId: response.id } })
  if (challenge === null || !passkey) return { challenge: challenge ?? '', shown: null }
  const info = await verify(response, challenge, passkey)
  const handle = response.response.userHandle
  if (!info || !isOf(passkey.userId, handle)) return { challenge, shown: null }
  const { newCounter, userVerified, credentialBackedUp } = info
  return {
    challenge,
    shown: {
      passkeyId: passkey.id,
      userId: passkey.userId,
      counter: BigInt(newCounter),
      verifiedPerson: userVerified,
      backedUp: credentialBackedUp,
      namesPerson: Boolean(handle),
    },
  }
}

/** What an authenticator keeps beside a passkey to say whose it is. It names nobody to whoever reads it there. */
export function handleOf(userId: string): string {
  return Buffer.from(userId).toString('base64url')
}

function isOf(userId: string, handle: string | undefined): boolean {
  return !handle || handle === handleOf(userId)
}

/** The counter is left to the transaction, which sees what it is by then. */
async function verify(
  { id, rawId, type, response: { userHandle, ...signed } }: AskResponse,
  expectedChallenge: string,
  { credentialId, publicKey }: Row<'passkey'>,
): Promise<VerifiedAuthenticationResponse['authenticationInfo'] | null> {
  const { id: expectedRPID, origins: expectedOrigin } = party()
  const response = { id, rawId, type, clientExtensionResults: {}, response: { ...signed, ...(userHandle && { userHandle }) } }
  const credential = { id: credentialId, publicKey, counter: 0 }
  const asked = { response, credential, expectedChallenge, expectedOrigin, expectedRPID, requireUserVerification: false }
  const result = await orNull(() => verifyAuthenticationResponse(asked))
  // A signature that is wrong throws nothing.
  return result?.verified ? result.authenticationInfo : null
}

/** What was registered, where it is as it must be. */
export interface Registration {
  readonly challenge: string
  readonly info: NonNullable<VerifiedRegistrationResponse['registrationInfo']> | null
}

/** Reads a registration and verifies it. Whether it comes in time, and once, is still to be decided. */
export async function readRegistration({ id, rawId, type, response }: RegistrationResponse): Promise<Registration> {
  const challenge = challengeOf(response.clientDataJSON)
  if (challenge === null || !isPlain(response.attestationObject)) return { challenge: challenge ?? '', info: null }
  const { clientDataJSON, attestationObject } = response
  const { id: expectedRPID, origins: expectedOrigin } = party()
  const result = await orNull(() =>
    verifyRegistrationResponse({
      response: { id, rawId, type, clientExtensionResults: {}, response: { clientDataJSON, attestationObject } },
      expectedChallenge: challenge,
      expectedOrigin,
      expectedRPID,
      requireUserVerification: false,
      supportedAlgorithmIDs: algorithms,
    }),
  )
  const info = result?.verified ? result.registrationInfo : null
  return { challenge, info: info?.credential.id === id ? info : null }
}

const ClientData = z.object({ challenge: z.string(), crossOrigin: z.boolean().optional() })

/** The challenge that an answer names. None within another site's frame: there the person does not see whom they sign in to. */
function challengeOf(clientDataJSON: string): string | null {
  try {
    const { data } = ClientData.safeParse(JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString()))
    return data && !data.crossOrigin ? data.challenge : null
  } catch {
    return null
  }
}

/**
 * Whether there is no certificate in it. None was asked for, and browsers take them out; to verify one the library would fetch what it names, from
 * wherever it says (lists of revoked certificates).
 */
function isPlain(attestationObject: string): boolean {
  try {
    const decoded = decodeAttestationObject(new Uint8Array(Buffer.from(attestationObject, 'base64url')))
    return ['none', 'packed'].includes(decoded.get('fmt')) && decoded.get('attStmt').get('x5c') === undefined
  } catch {
    return false
  }
}

/** The library throws for every way in which a stranger's bytes can be wrong. It asks neither the database nor the network. */
async function orNull<T>(verified: () => Promise<T>): Promise<T | null> {
  try {
    return await verified()
  } catch {
    return null
  }
}
