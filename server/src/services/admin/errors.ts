/** Faults of ours, for those who mend them. */
import { listErrors } from '#db'
import type { ErrorList, ListErrors } from './schema.ts'

/** Lists the faults of ours of the last 30 days, newest first. */
export async function listFaults(page: ListErrors): Promise<ErrorList> {
  return listErrors(page)
}
