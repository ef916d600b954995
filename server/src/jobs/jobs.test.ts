import { PgBoss } from 'pg-boss'
import { expect, test } from 'vitest'
import { listEvents } from '#db'
import { jobs } from './jobs.ts'

test('every job has a name of its own, which begins with its service', () => {
  expect(new Set(jobs.map(({ name }) => name)).size).toBe(jobs.length)
  for (const { name, service } of jobs) expect(name).toMatch(new RegExp(`^${service}\\.[a-z_.]+$`))
})

test('every job listens to events that exist, or has a time that comes', () => {
  const boss = new PgBoss({ db: { executeSql: () => Promise.reject(new Error('no database here')) } })
  for (const job of jobs) {
    if (job.kind === 'schedule') expect(boss.previewSchedule(job.cron, { count: 1 })).toHaveLength(1)
    else expect(job.on.filter((event) => !listEvents().has(event))).toEqual([])
  }
})
