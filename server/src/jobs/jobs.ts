/** Everything that is done after the fact, of every service: one line each. */
import type { Job } from '#db'
import { jobs as teams } from '../services/teams/index.ts'

export const jobs: readonly Job[] = [...teams]
