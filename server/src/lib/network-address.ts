/** Network addresses: which of them are one customer, and what of one may be kept. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * The part of an address that one customer holds: the whole of an IPv4 address, the /64 of an IPv6 one. Limits count by it.
 * Every spelling of an address is one address, and an IPv4 address in IPv6 clothing (`::ffff:1.2.3.4`) is the IPv4 address
 * (CVE-2026-45364 was a limit that took them for two). Anything else, and nothing, is `unknown`: all of it together is one customer.
 */
export function customerOf(address: string | null): string {
  const groups = parse(address)
  if (!groups) return 'unknown'
  return groups.length === 4 ? groups.join('.') : `${hex(groups.slice(0, 4))}::/64`
}

/** A shortened address, to recognise one's own sessions by: /24 of IPv4, /48 of IPv6; null where there is none. */
export function prefixOf(address: string | null): string | null {
  const groups = parse(address)
  if (!groups) return null
  return groups.length === 4 ? `${groups.slice(0, 3).join('.')}.0/24` : `${hex(groups.slice(0, 3))}::/48`
}

/** IPv4 that is no host of the public internet (IANA special-purpose registry, RFC 6890 and its successors): first address and prefix length. */
const specialPurpose: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]
const special = new BlockList()
for (const [network, length] of specialPurpose) special.addSubnet(network, length)

/**
 * Whether an address is a host of the public internet. Private, loopback, link-local, carrier and documentation networks are not, nor is any of
 * them in IPv6 clothing; of IPv6 only global unicast is, without the ranges that carry an IPv4 address within (6to4, Teredo).
 */
export function isPublicAddress(address: string): boolean {
  const groups = parse(address)
  if (!groups) return false
  if (groups.length === 4) return !special.check(groups.join('.'))
  const [first = 0, second = 0] = groups
  const isGlobal = first >> 13 === 1
  const isCarrier = first === 0x2002 || (first === 0x2001 && (second < 0x200 || second === 0xdb8))
  return isGlobal && !isCarrier
}

/** Four bytes of IPv4, or eight groups of IPv6. */
function parse(address: string | null): number[] | null {
  if (address === null) return null
  if (isIPv4(address)) return address.split('.').map(Number)
  if (!isIPv6(address)) return null
  const groups = expand(address)
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  return mapped ? groups.slice(6).flatMap((group) => [group >> 8, group & 255]) : groups
}

function expand(address: string): number[] {
  const [bare = ''] = address.split('%')
  const plain = bare.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => `${hex([a * 256 + +b])}:${hex([c * 256 + +d])}`)
  const [head = '', tail] = plain.split('::')
  const before = head ? head.split(':') : []
  const after = tail ? tail.split(':') : []
  const gap = tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...gap, ...after].map((group) => Number.parseInt(group, 16))
}

function hex(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':')
}
