/** What goes into the doors of `admin`, and what comes out. */
import type { z } from 'zod'
import { ErrorEntry, ErrorPage, pageOf } from '#db'

/** With `requestId`, the faults of one request: what a caller quotes. */
export const ListErrors = ErrorPage
export type ListErrors = z.infer<typeof ListErrors>

export const ErrorList = pageOf(ErrorEntry)
export type ErrorList = z.infer<typeof ErrorList>
