/** What goes into the procedures of `profile` and what comes out. Each schema and its type share a name. */
import { z } from 'zod'
import { Version } from '#db'
import { UserId } from '#lib/ids.ts'
import { oneLine, paragraphs } from '#lib/text.ts'

/** BCP 47, written as RFC 5646 (section 2.1.1) recommends: `pt-br` becomes `pt-BR`. */
const Locale = z
  .string()
  .max(35)
  .overwrite((tag) => localeOf(tag) ?? tag)
  .refine((tag) => localeOf(tag) !== undefined, 'is no locale like en or pt-BR')

/** A name of the IANA time zone database. */
const TimeZone = z.string().max(64).refine(isTimeZone, 'is no time zone like Europe/Zurich')

/** E.164: a plus sign, the country, the number, 15 digits at most. Whether anybody answers is not asked. */
const Phone = z.string().regex(/^\+[1-9]\d{6,14}$/, 'is no phone number like +41441234567')

/** ISO 3166-1 alpha-2, as far as this Node knows the region. */
const Country = z
  .string()
  .regex(/^[A-Z]{2}$/, 'is no country like CH')
  .refine((code) => code !== 'ZZ' && regions.of(code) !== undefined, 'is no country like CH')

const regions = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })

/** Shown by applications, never fetched by us. */
const AvatarUrl = z.url({ protocol: /^https$/, error: 'is no https URL' }).max(500)

export const Address = z.strictObject({
  line1: oneLine(120),
  line2: oneLine(120).exactOptional(),
  postalCode: oneLine(20).exactOptional(),
  city: oneLine(80),
  region: oneLine(80).exactOptional(),
  country: Country,
})
export type Address = z.infer<typeof Address>

const preferences = {
  theme: z.enum(['SYSTEM', 'LIGHT', 'DARK']),
  weekStartsOn: z.enum(['MONDAY', 'SATURDAY', 'SUNDAY']),
  /** As Unicode names them: 1 to 12 with a.m. and p.m., or 0 to 23. */
  hourCycle: z.enum(['H12', 'H23']),
  reducedMotion: z.boolean(),
}

/** What applications may rely on. What was never chosen, or is not known any more, has its default. */
export const Preferences = z.object({
  theme: preferences.theme.catch('SYSTEM'),
  weekStartsOn: preferences.weekStartsOn.catch('MONDAY'),
  hourCycle: preferences.hourCycle.catch('H23'),
  reducedMotion: preferences.reducedMotion.catch(false),
})
export type Preferences = z.infer<typeof Preferences>

export const Profile = z.object({
  userId: UserId,
  displayName: z.string(),
  locale: z.string(),
  timeZone: z.string(),
  phone: z.string().nullable(),
  address: Address.nullable(),
  bio: z.string().nullable(),
  avatarUrl: z.string().nullable(),
  preferences: Preferences,
  version: z.int(),
  updatedAt: z.date(),
})
export type Profile = z.infer<typeof Profile>

/** Only what is given changes, of the preferences too; null removes. `version` is that of the profile which the change was made on. */
export const UpdateProfile = z.strictObject({
  version: Version,
  displayName: oneLine(100).exactOptional(),
  locale: Locale.exactOptional(),
  timeZone: TimeZone.exactOptional(),
  phone: Phone.nullable().exactOptional(),
  address: Address.nullable().exactOptional(),
  bio: paragraphs(2_000).nullable().exactOptional(),
  avatarUrl: AvatarUrl.nullable().exactOptional(),
  preferences: z
    .strictObject({
      theme: preferences.theme.exactOptional(),
      weekStartsOn: preferences.weekStartsOn.exactOptional(),
      hourCycle: preferences.hourCycle.exactOptional(),
      reducedMotion: preferences.reducedMotion.exactOptional(),
    })
    .exactOptional(),
})
export type UpdateProfile = z.infer<typeof UpdateProfile>

/** What of a profile can be changed, as events name it. */
export const ProfileField = UpdateProfile.omit({ version: true }).keyof()

function localeOf(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag)[0]
  } catch {
    return undefined
  }
}

/** Offsets such as +01:00 are understood by Intl too, but they know of no summer time. */
function isTimeZone(name: string): boolean {
  try {
    return !/^[+-]/.test(name) && Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}
