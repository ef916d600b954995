/** What goes into the procedures of applications and their secrets, and what comes out. */
import { z } from 'zod'
import { Page, pageOf, Version } from '#db'
import { ApplicationType as types } from '#db/enums.ts'
import { ApplicationId, ApplicationSecretId } from '#lib/ids.ts'
import { oneLine } from '#lib/text.ts'
import { homePageFault } from './application-addresses.ts'
import { BuiltIn, MembershipRole } from './application-roles.ts'

export const ApplicationType = z.enum(types)
export type ApplicationType = z.infer<typeof ApplicationType>

const ApplicationName = oneLine(80)

const Address = z.string().min(1, 'is empty').max(2000, 'is longer than 2000 characters')

const Addresses = z.array(Address).max(20, 'are more than 20')

const HomePage = Address.superRefine((text, context) => {
  const fault = homePageFault(text)
  if (fault !== null) context.addIssue({ code: 'custom', message: fault })
})

export const CreateApplication = z.strictObject({
  type: ApplicationType,
  name: ApplicationName,
  homePage: HomePage.nullable().default(null),
  redirectUris: Addresses.default([]),
  allowedOrigins: Addresses.default([]),
})
export type CreateApplication = z.infer<typeof CreateApplication>

export const Application = z.strictObject({
  id: ApplicationId,
  type: ApplicationType,
  name: z.string(),
  homePage: z.string().nullable(),
  clientId: z.string(),
  /** The service of this installation that it stands for; null where somebody registered it. */
  builtIn: BuiltIn.nullable(),
  redirectUris: z.array(z.string()),
  allowedOrigins: z.array(z.string()),
  /** Nobody uses one that is not, and its keys are dead meanwhile. */
  active: z.boolean(),
  version: z.int(),
  /** The caller's own role in it. */
  role: MembershipRole,
  createdAt: z.date(),
})
export type Application = z.infer<typeof Application>

export const InApplication = z.strictObject({ applicationId: ApplicationId })

export const PageInApplication = Page.extend({ applicationId: ApplicationId })
export type PageInApplication = z.infer<typeof PageInApplication>

/** `deleted: true` lists the applications that the caller owned and may restore. */
export const ListApplications = Page.extend({ deleted: z.boolean().default(false) })
export type ListApplications = z.infer<typeof ListApplications>

export const ApplicationList = pageOf(Application)
export type ApplicationList = z.infer<typeof ApplicationList>

/** What is left out stays as it is. `version` is that of the application that the change was made from. */
export const UpdateApplication = z.strictObject({
  applicationId: ApplicationId,
  version: Version,
  name: ApplicationName.exactOptional(),
  homePage: HomePage.nullable().exactOptional(),
  redirectUris: Addresses.exactOptional(),
  allowedOrigins: Addresses.exactOptional(),
  active: z.boolean().exactOptional(),
})
export type UpdateApplication = z.infer<typeof UpdateApplication>

export const CreateSecret = z.strictObject({
  applicationId: ApplicationId,
  name: oneLine(80),
  expiresInDays: z.int().min(1).max(730).default(365),
})
export type CreateSecret = z.infer<typeof CreateSecret>

export const ApplicationSecret = z.strictObject({
  id: ApplicationSecretId,
  name: z.string(),
  expiresAt: z.date(),
  createdAt: z.date(),
})
export type ApplicationSecret = z.infer<typeof ApplicationSecret>

/** The secret is shown here, and never again. */
export const NewSecret = ApplicationSecret.extend({ secret: z.string() })
export type NewSecret = z.infer<typeof NewSecret>

export const SecretList = pageOf(ApplicationSecret)
export type SecretList = z.infer<typeof SecretList>

export const RevokeSecret = z.strictObject({ applicationId: ApplicationId, secretId: ApplicationSecretId })
export type RevokeSecret = z.infer<typeof RevokeSecret>
