/** What other parts may use of `profile`. */
import './events.ts'

export { jobs } from './jobs.ts'
export { personalData } from './personal-data.ts'
