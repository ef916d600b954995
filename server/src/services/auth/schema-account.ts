/** What goes into the procedures by which a person looks after their account, and what comes out. */
import { z } from 'zod'
import { ActivityEntry, Page, pageOf } from '#db'

/** One thing that happened to the account. */
export const SecurityEvent = ActivityEntry.extend({
  /** Done by the person, signed in; otherwise by a stranger, a link from a mail, or an administrator. */
  byMe: z.boolean(),
  /** The network it came from, shortened: /24 or /48. Kept for thirty days. */
  addressPrefix: z.string().nullable(),
  userAgent: z.string().nullable(),
})

export const ListSecurityActivity = Page
export type ListSecurityActivity = z.infer<typeof ListSecurityActivity>

export const SecurityActivityList = pageOf(SecurityEvent)
export type SecurityActivityList = z.infer<typeof SecurityActivityList>
