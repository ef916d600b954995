/** The throttles of sign-in, which the server of tests has off. */
import { useThrottles } from '../src/services/auth/index.ts'
import { stopped } from './clock.ts'

/** Runs with the throttles on and the database's clock stopped: no pause is over in the middle of a race, however busy the machine. `url` is the owner's. */
export async function withThrottles<T>(url: string, work: () => Promise<T>): Promise<T> {
  useThrottles(true)
  try {
    return await stopped(url, work)
  } finally {
    useThrottles(false)
  }
}
