/**
 * An authenticator, as far as the server can tell, in software: P-256, resident keys, verification of its person, a counter, and the lies that a
 * hostile one would tell. It is written from the standard (WebAuthn Level 3, 6 and 5.8.1) and knows nothing of the server's library.
 */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import type { RouterInputs, RouterOutputs } from '@plinth/client'

type RegisterOptions = RouterOutputs['auth']['passkey']['registerOptions']
type AskOptions = RouterOutputs['auth']['passkey']['signInOptions']['options']
type Registered = RouterInputs['auth']['passkey']['register']['response']
type Answered = RouterInputs['auth']['passkey']['signIn']['response']

/** What it does otherwise than it should. */
export interface Lies {
  /** The page that it was used on. */
  readonly origin?: string
  /** The party that it signs for. */
  readonly rpId?: string
  readonly type?: string
  readonly challenge?: string
  readonly crossOrigin?: boolean
  /** Whether it verified its person, whatever it usually does. */
  readonly verifies?: boolean
  /** Whether anybody was there. */
  readonly present?: boolean
  readonly counter?: number
  /** Whom it says it belongs to; null for nobody. */
  readonly userHandle?: string | null
  /** The id under which it registers. */
  readonly credentialId?: string
  /** What was changed after it signed. */
  readonly altered?: 'SIGNATURE' | 'DATA'
  /** A statement with a certificate in it, that nobody asked for. */
  readonly certificate?: string
  readonly algorithm?: number
}

export interface Authenticator {
  /** The id of its newest key. */
  readonly credentialId: string
  /** Makes a key, as `startRegistration` of a browser does. */
  register(options: RegisterOptions, lies?: Lies): Registered
  /** Signs, as `startAuthentication` does. */
  sign(options: AskOptions, lies?: Lies): Answered
}

interface Key {
  readonly id: string
  readonly handle: string
  readonly privateKey: KeyObject
  count: number
}

export interface Habits {
  /** The page that it is used on. */
  readonly origin: string
  /** Whether it verifies its person (UV). */
  readonly verifies?: boolean
  /** Whether it counts its signatures; what a cloud keeps in step does not. */
  readonly counts?: boolean
}

/** Makes one, with no key yet. */
export function newAuthenticator({ origin, verifies = true, counts = true }: Habits): Authenticator {
  let key: Key | undefined
  const flagsOf = (lies: Lies, more = 0) => (lies.present === false ? 0 : 1) | ((lies.verifies ?? verifies) ? 4 : 0) | more
  const clientOf = (type: string, challenge: string, lies: Lies) =>
    Buffer.from(
      JSON.stringify({
        type: lies.type ?? type,
        challenge: lies.challenge ?? challenge,
        origin: lies.origin ?? origin,
        crossOrigin: lies.crossOrigin ?? false,
      }),
    )
  return {
    get credentialId() {
      return key?.id ?? ''
    },
    register(options, lies = {}) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      key = { id: lies.credentialId ?? randomBytes(32).toString('base64url'), handle: options.user.id, privateKey, count: 0 }
      const id = Buffer.from(key.id, 'base64url')
      const length = Buffer.alloc(2)
      length.writeUInt16BE(id.length)
      const attested = Buffer.concat([Buffer.alloc(16), length, id, coseOf(publicKey, lies.algorithm ?? -7)])
      const data = authDataOf(lies.rpId ?? options.rp.id, flagsOf(lies, 0x40), lies.counter ?? 0, attested)
      const statement = lies.certificate ? { alg: -7, sig: randomBytes(70), x5c: [Buffer.from(lies.certificate)] } : {}
      const attestation = cbor(
        new Map<unknown, unknown>([
          ['fmt', lies.certificate ? 'packed' : 'none'],
          ['attStmt', new Map(Object.entries(statement))],
          ['authData', data],
        ]),
      )
      const clientDataJSON = clientOf('webauthn.create', options.challenge, lies).toString('base64url')
      const response = { clientDataJSON, attestationObject: attestation.toString('base64url'), transports: ['internal'] }
      return { id: key.id, rawId: key.id, type: 'public-key', clientExtensionResults: {}, response }
    },
    sign(options, lies = {}) {
      if (!key) throw new Error('It holds no key')
      if (options.allowCredentials.length > 0 && !options.allowCredentials.some(({ id }) => id === key?.id))
        throw new Error('It is not asked for')
      key.count += counts ? 1 : 0
      const data = authDataOf(lies.rpId ?? options.rpId, flagsOf(lies), lies.counter ?? key.count)
      const client = clientOf('webauthn.get', options.challenge, lies)
      const signature = sign('sha256', Buffer.concat([data, createHash('sha256').update(client).digest()]), key.privateKey)
      if (lies.altered) alter(lies.altered === 'DATA' ? data : signature)
      const handle = lies.userHandle === undefined ? key.handle : lies.userHandle
      return {
        id: key.id,
        rawId: key.id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: signature.toString('base64url'),
          ...(handle !== null && { userHandle: handle }),
        },
      }
    },
  }
}

/** Changes one bit, of the data the last of the counter. */
function alter(part: Buffer): void {
  part[part.length - 1] = (part.at(-1) ?? 0) ^ 1
}

/** WebAuthn, 6.1. */
function authDataOf(rpId: string, flags: number, counter: number, attested = Buffer.alloc(0)): Buffer {
  const fixed = Buffer.alloc(5)
  fixed.writeUInt8(flags)
  fixed.writeUInt32BE(counter, 1)
  return Buffer.concat([createHash('sha256').update(rpId).digest(), fixed, attested])
}

/** The public key in COSE form: kty EC2, alg ES256, crv P-256, x, y (RFC 9053, 7.1). */
function coseOf(publicKey: KeyObject, algorithm: number): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const point = [x, y].map((part) => Buffer.from(part, 'base64url'))
  return cbor(
    new Map<unknown, unknown>([
      [1, 2],
      [3, algorithm],
      [-1, 1],
      [-2, point[0]],
      [-3, point[1]],
    ]),
  )
}

/** CBOR (RFC 8949), as much of it as authenticators write. */
function cbor(value: unknown): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value])
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)])
  if (value instanceof Map) return Buffer.concat([head(5, value.size), ...[...value].flatMap(([name, part]) => [cbor(name), cbor(part)])])
  throw new Error('Authenticators write no such thing')
}

function head(kind: number, count: number): Buffer {
  if (count < 24) return Buffer.from([(kind << 5) | count])
  if (count < 256) return Buffer.from([(kind << 5) | 24, count])
  return Buffer.from([(kind << 5) | 25, count >> 8, count & 255])
}
