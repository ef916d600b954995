/** Everything that is held of people, in every service. `auth` may call no other service: the process tells it at the start. */
import type { PersonalData } from '#db/personal-data.ts'

let sources: readonly PersonalData[] | undefined

/** Says what every service holds of people. Called once at start. */
export function usePersonalData(all: readonly PersonalData[]): void {
  sources = all
}

/** Gives what every service holds of people, `auth` the last: the others need its row to know whose theirs are. */
export function sourcesOfPersonalData(): readonly PersonalData[] {
  if (!sources) throw new Error('usePersonalData() has not been called')
  return sources
}
