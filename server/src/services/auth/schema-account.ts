/** What goes into the procedures by which a person looks after their account, and what comes out. */
import { z } from 'zod'
import { ActivityEntry, Page, pageOf } from '#db'
import { DataExportId } from '#lib/ids.ts'
import { Token } from './schema.ts'

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

/** What is asked for after a password, a mail or a provider. */
export const SecondFactors = z.strictObject({
  passkeys: z.int().min(0),
  /** Whether there is an authenticator app. */
  totp: z.boolean(),
  /** What stands in for either. 0 beside one: whoever loses it is locked out, so offer `auth.recoveryCode.regenerate`. */
  recoveryCodesLeft: z.int().min(0),
})
export type SecondFactors = z.infer<typeof SecondFactors>

export const AccountDeactivated = z.strictObject({
  status: z.literal('DEACTIVATED'),
  /** Until then the link from the mail takes it back. */
  erasedAfter: z.date(),
})
export type AccountDeactivated = z.infer<typeof AccountDeactivated>

export const Reactivate = z.strictObject({ token: Token })
export type Reactivate = z.infer<typeof Reactivate>

export const AccountReactivated = z.strictObject({ status: z.literal('REACTIVATED') })
export type AccountReactivated = z.infer<typeof AccountReactivated>

/** What is added to an account to sign in by, beside the password. */
export const FactorKind = z.enum(['PASSKEY', 'TOTP', 'PROVIDER'])
export type FactorKind = z.infer<typeof FactorKind>

/** The token of a link from a mail. */
export const UndoFactor = z.strictObject({ token: Token })
export type UndoFactor = z.infer<typeof UndoFactor>

export const FactorUndone = z.strictObject({ status: z.literal('UNDONE'), factor: FactorKind })
export type FactorUndone = z.infer<typeof FactorUndone>

export const DataExport = z.strictObject({
  id: DataExportId,
  status: z.enum(['GATHERING', 'READY', 'DOWNLOADED', 'EXPIRED']),
  createdAt: z.date(),
  expiresAt: z.date(),
})
export type DataExport = z.infer<typeof DataExport>

export const ListDataExports = Page
export type ListDataExports = z.infer<typeof ListDataExports>

export const DataExportList = pageOf(DataExport)
export type DataExportList = z.infer<typeof DataExportList>

export const DownloadDataExport = z.strictObject({ exportId: DataExportId })
export type DownloadDataExport = z.infer<typeof DownloadDataExport>

/** A file for the person to keep. */
export const DataExportFile = z.strictObject({ fileName: z.string(), contentType: z.literal('application/json'), content: z.string() })
export type DataExportFile = z.infer<typeof DataExportFile>
