import { expect, test } from 'vitest'
import { planFaults, tellFault } from './points.ts'
import { randomFrom } from './random.ts'

const campaign = (seed: string, kills: number) =>
  planFaults(randomFrom(seed).fork('faults'), kills).map((fault) => `${tellFault(fault)} after ${fault.afterMs}`)

test('a seed draws the same campaign each time, and another seed another one', () => {
  expect(campaign('7', 200)).toEqual(campaign('7', 200))
  expect(campaign('7', 200)).not.toEqual(campaign('8', 200))
})

test('a campaign has as many kills as were asked for, two thirds at named points, and every point in every phase before 150', () => {
  const plan = planFaults(randomFrom('7'), 150)
  const kills = plan.filter(({ victim }) => victim !== 'cut')
  expect(kills).toHaveLength(150)
  expect(kills.filter(({ point }) => point !== null)).toHaveLength(100)
  expect(new Set(kills.map(tellFault).filter((name) => !name.endsWith('random'))).size).toBe(8 * 3 * 3)
})
