/** Everything that is done after the fact, of every service: one line each. */
import type { Job } from '#db'
import { jobs as auth } from '../services/auth/index.ts'
import { jobs as profile } from '../services/profile/index.ts'
import { jobs as teams } from '../services/teams/index.ts'

export const jobs: readonly Job[] = [...auth, ...profile, ...teams]
