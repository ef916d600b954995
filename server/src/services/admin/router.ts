/** The doors of `admin`: what administrators of the installation look at. */
import { admin, router } from '../../trpc/procedures.ts'
import { listFaults } from './errors.ts'
import { ErrorList, ListErrors } from './schema.ts'

export const adminRouter = router({
  error: router({
    /** Lists the faults of ours of the last 30 days, newest first: all, or those of one request. */
    list: admin
      .input(ListErrors)
      .output(ErrorList)
      .query(({ input }) => listFaults(input)),
  }),
})
