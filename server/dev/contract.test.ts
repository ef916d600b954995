import { expect, test } from 'vitest'
import { staleContractFiles } from './contract.ts'

test('client/contract.json and client/src/enums.ts say what the API is (pnpm contract writes them)', () => {
  expect(staleContractFiles()).toEqual([])
})
