/** What other parts may use of `teams`. */
import './events.ts'

export { enterTeam, type TeamActor } from './scope.ts'
export { jobs } from './jobs.ts'
export { personalData } from './personal-data.ts'
