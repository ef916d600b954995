import { expect, test } from 'vitest'
import { customerOf, prefixOf } from './network-address.ts'

test('every spelling of an address is one customer', () => {
  expect(customerOf('192.0.2.7')).toBe('192.0.2.7')
  for (const same of ['::ffff:192.0.2.7', '::FFFF:c000:207', '0:0:0:0:0:ffff:192.0.2.7', '0000:0000:0000:0000:0000:ffff:c000:0207']) {
    expect.soft(customerOf(same)).toBe('192.0.2.7')
  }
})

test('a /64 is one customer, and the next /64 another', () => {
  expect(customerOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
  expect(customerOf('2001:0DB8:1:2::')).toBe('2001:db8:1:2::/64')
  expect(customerOf('2001:db8:1:2::1%eth0')).toBe('2001:db8:1:2::/64')
  expect(customerOf('2001:db8:1:3::1')).toBe('2001:db8:1:3::/64')
})

test('what is no address is one customer altogether', () => {
  for (const odd of [null, '', 'unknown', '1.2.3', '1.2.3.4, 5.6.7.8', '1.2.3.4:80']) expect.soft(customerOf(odd)).toBe('unknown')
})

test('what is kept of an address names a neighbourhood', () => {
  expect(prefixOf('192.0.2.7')).toBe('192.0.2.0/24')
  expect(prefixOf('::ffff:192.0.2.7')).toBe('192.0.2.0/24')
  expect(prefixOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1::/48')
  expect(prefixOf(null)).toBeNull()
})
