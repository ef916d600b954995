import { expect, test } from 'vitest'
import { base32, matchingTotpStep, newTotpSecret, totpCode, totpStep } from './totp.ts'

const digits = '1234567890'
const seeds = {
  sha1: Buffer.from(digits.repeat(2)),
  sha256: Buffer.from(digits.repeat(4).slice(0, 32)),
  sha512: Buffer.from(digits.repeat(7).slice(0, 64)),
}

/** RFC 6238, appendix B: seconds since 1970, then the codes of SHA-1, SHA-256 and SHA-512. */
const vectors: [number, string, string, string][] = [
  [59, '94287082', '46119246', '90693936'],
  [1_111_111_109, '07081804', '68084774', '25091201'],
  [1_111_111_111, '14050471', '67062674', '99943326'],
  [1_234_567_890, '89005924', '91819424', '93441116'],
  [2_000_000_000, '69279037', '90698825', '38618901'],
  [20_000_000_000, '65353130', '77737706', '47863826'],
]

test.each(vectors)('the eighteen vectors of RFC 6238: at %i', (seconds, ...codes) => {
  const step = totpStep(new Date(seconds * 1_000))
  const made = (['sha1', 'sha256', 'sha512'] as const).map((algorithm) => totpCode(seeds[algorithm], step, { algorithm, digits: 8 }))
  expect(made).toEqual(codes)
})

/** RFC 4226, appendix D: the first ten codes of the same seed. */
test('the ten vectors of RFC 4226', () => {
  const codes = Array.from({ length: 10 }, (_, counter) => totpCode(seeds.sha1, counter))
  expect(codes).toEqual(['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489'])
})

test('a code is good for its own thirty seconds and for those before and after, and no other form is one', () => {
  const [secret, at] = [newTotpSecret(), new Date(1_800_000_000_000)]
  const present = totpStep(at)
  const found = [-2, -1, 0, 1, 2].map((offset) => matchingTotpStep(secret, totpCode(secret, present + offset), at))
  expect(found).toEqual([null, present - 1, present, present + 1, null])
  const code = totpCode(secret, present)
  expect(matchingTotpStep(secret, `${code.slice(0, 3)} ${code.slice(3)}`, at)).toBe(present)
  for (const other of ['', code.slice(1), `${code}0`, `0${code}`, '٣٤٥٦٧٨', code.replace(/.$/, 'x')]) {
    expect(matchingTotpStep(secret, other, at)).toBeNull()
  }
})

test('a secret has 160 bits, and is written in base32 as RFC 4648 does', () => {
  expect(newTotpSecret()).toHaveLength(20)
  expect(newTotpSecret()).not.toEqual(newTotpSecret())
  expect(['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map((text) => base32(Buffer.from(text)))).toEqual([
    '',
    'MY',
    'MZXQ',
    'MZXW6',
    'MZXW6YQ',
    'MZXW6YTB',
    'MZXW6YTBOI',
  ])
})
