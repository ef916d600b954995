/** What other parts may use of `teams`. */
export { enterTeam, type TeamActor } from './scope.ts'
export { jobs } from './jobs.ts'
export { events } from './events.ts'
