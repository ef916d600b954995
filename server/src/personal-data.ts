/** What is held of people, of every service: one line each. `auth` comes last, for the others need its row to know whose theirs are. */
import type { PersonalData } from '#db/personal-data.ts'
import { personalData as core } from '#db/personal-data-core.ts'
import { personalData as auth } from './services/auth/index.ts'
import { personalData as profile } from './services/profile/index.ts'
import { personalData as teams } from './services/teams/index.ts'

export const personalData: readonly PersonalData[] = [core, profile, teams, auth]
