import { dictionary } from '@zxcvbn-ts/language-common'
import { expect, test } from 'vitest'
import { isAppError } from './errors.ts'
import { checkPassword } from './password-rules.ts'

const ada = ['ada.lovelace@example.com', 'Ada Lovelace']

function faultOf(password: string, about: readonly string[] = ada): string | null {
  try {
    checkPassword(password, about)
    return null
  } catch (error) {
    if (!isAppError(error, 'BAD_REQUEST')) throw error
    expect(Object.keys(error.details.fields)).toEqual(['password'])
    return error.details.fields['password']?.[0] ?? null
  }
}

const good = 'nine lazy otters hum at dusk, softly; nobody minds. '.repeat(3)

test('A08 a password has 15 to 128 code points, spaces and emoji among them, and at most 512 bytes', () => {
  expect(faultOf(good.slice(0, 14))).toBe('needs at least 15 characters')
  expect(faultOf(good.slice(0, 15))).toBeNull()
  expect(faultOf(good.slice(0, 64))).toBeNull()
  expect(faultOf(good.slice(0, 128))).toBeNull()
  expect(faultOf(good.slice(0, 129))).toBe('is longer than 128 characters')
  expect(faultOf('🦦🌙🪵🔥🎻🐝🌾🧭🛶🏔️🪁🕯️')).toBe('needs at least 15 characters')
  expect(faultOf('🦦🌙🪵🔥🎻🐝🌾🧭🛶🍄🪁🧵🫖🪺🦉')).toBeNull()
  expect(faultOf('ﷺ')).toBe('needs at least 15 characters')
  expect(faultOf('ﷺ'.repeat(15))).toBe('is longer than 128 characters')
  expect(faultOf('broken \uD800 surrogate here')).toBe('holds a broken character')
})

test('A11 what a guesser tries first is refused, in every disguise', () => {
  const refused = [
    'passwordpassword',
    'Password-Password',
    'p4ssw0rdp4ssw0rd',
    'drowssapdrowssap',
    'password2024password',
    'qwertyuiopasdfgh',
    'qwertzuiopasdfgh',
    'azertyuiopqsdfgh',
    '123456789012345',
    '098765432109876',
    'abcdefghijklmnop',
    '1qaz2wsx3edc4rfv',
    'aaaaaaaaaaaaaaaa',
    'abcabcabcabcabca',
    '123123123123123',
    'sunshine!!!2024!!!',
    '2024...sunshine...',
    'princesssunshine',
    'iloveyou12345678',
    'plinthplinthplinth',
    'Plinth-password-1',
    'PLINTH2024PLINTH',
    'auraid auraid 1',
    'ada.lovelace@example.com',
    'adalovelaceadalovelace',
    'Lovelace1815!!!',
    'ecalevol.ecalevol',
  ]
  for (const password of refused) expect.soft(faultOf(password) ?? 'accepted', password).toMatch(/is too common|needs at least/)
})

test('every password of the list that is long enough is refused', () => {
  const long = dictionary['passwords-common'].filter((password) => [...password].length >= 15)
  expect(long.length).toBeGreaterThan(30)
  for (const password of long) expect.soft(faultOf(password)).not.toBeNull()
})

test('common passwords that are made long by habit are refused', () => {
  const short = dictionary['passwords-common'].filter((password) => /^[a-z]{6,}$/.test(password)).slice(0, 500)
  for (const password of short) {
    expect.soft(faultOf(password.repeat(Math.ceil(15 / password.length))), password).not.toBeNull()
    expect.soft(faultOf(`${password}2024!!!!!!!!`), password).not.toBeNull()
  }
})

test('a passphrase, a sentence and a random string are accepted', () => {
  const accepted = [
    'correct horse battery staple',
    'correcthorsebatterystaple',
    'nine lazy otters hum',
    'Der Mond ist aufgegangen',
    'la plume de ma tante 1923',
    'xK9#mQ2$vL5@nR8',
    'k3J!x9Qzk3J!x9Qz',
    'ada had four good ideas',
    '482910375829104',
    'прощай немытая россия',
    '我们都喜欢在湖边散步聊天喝茶看书听雨',
  ]
  for (const password of accepted) expect.soft(faultOf(password), password).toBeNull()
})

test('random passwords of the shortest length are accepted', () => {
  const signs = 'abcdefghijkmnpqrstuvwxyz23456789'
  const make = () => Array.from(crypto.getRandomValues(new Uint8Array(15)), (byte) => signs[byte % 32]).join('')
  const refused = Array.from({ length: 1_000 }, make).filter((password) => faultOf(password) !== null)
  expect(refused).toEqual([])
})

test('the check of the longest password takes milliseconds', () => {
  const started = performance.now()
  for (let i = 0; i < 50; i += 1) faultOf(good.slice(0, 128))
  expect((performance.now() - started) / 50).toBeLessThan(100)
})
