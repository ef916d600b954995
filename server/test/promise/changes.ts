/** The changes that are really made to a copy of the workspace, and carried through to the API as their author would. */

export interface Edit {
  file: string
  from: string
  to: string
}

export interface Change {
  /** As the marks in uses/ name it. */
  id: string
  about: string
  edits: readonly Edit[]
}

const TEAM = 'prisma/schema/teams/team.prisma'
const MEMBER = 'prisma/schema/teams/member.prisma'
const INVITATION = 'prisma/schema/teams/invitation.prisma'
const SCHEMA = 'server/src/services/teams/schema.ts'
const ROUTER = 'server/src/services/teams/router.ts'

export const changes: readonly Change[] = [
  {
    id: 'renamed',
    about: 'a column gets another name (`Team.slug` to `handle`)',
    edits: [
      { file: TEAM, from: '  slug       String\n', to: '  handle     String    @map("slug")\n' },
      { file: TEAM, from: '@@unique([slug]', to: '@@unique([handle]' },
      { file: SCHEMA, from: 'name: TeamName, slug: Slug', to: 'name: TeamName, handle: Slug' },
      { file: SCHEMA, from: '  slug: z.string(),\n', to: '  handle: z.string(),\n' },
      { file: SCHEMA, from: '  slug: Slug.exactOptional(),\n', to: '  handle: Slug.exactOptional(),\n' },
    ],
  },
  {
    id: 'dropped',
    about: 'a column is dropped (`Team.slug`)',
    edits: [
      { file: TEAM, from: '  slug       String\n', to: '' },
      { file: TEAM, from: '  @@unique([slug], where: { deletedAt: null })\n', to: '' },
      { file: SCHEMA, from: 'name: TeamName, slug: Slug', to: 'name: TeamName' },
      { file: SCHEMA, from: '  slug: z.string(),\n', to: '' },
      { file: SCHEMA, from: '  slug: Slug.exactOptional(),\n', to: '' },
    ],
  },
  {
    id: 'retyped',
    about: 'a column gets another type (`Team.slug` from text to number)',
    edits: [
      { file: TEAM, from: '  slug       String\n', to: '  slug       Int\n' },
      { file: SCHEMA, from: 'name: TeamName, slug: Slug', to: 'name: TeamName, slug: z.int()' },
      { file: SCHEMA, from: '  slug: z.string(),\n', to: '  slug: z.int(),\n' },
      { file: SCHEMA, from: '  slug: Slug.exactOptional(),\n', to: '  slug: z.int().exactOptional(),\n' },
    ],
  },
  {
    id: 'nullable',
    about: 'a column may be null (`Team.name`)',
    edits: [
      { file: TEAM, from: '  name       String\n', to: '  name       String?\n' },
      { file: SCHEMA, from: '  id: TeamId,\n  name: z.string(),\n', to: '  id: TeamId,\n  name: z.string().nullable(),\n' },
    ],
  },
  {
    id: 'required',
    about: 'a column must have a value (`TeamInvitation.acceptedById`), an input too (`deleted` of `teams.list`)',
    edits: [
      { file: INVITATION, from: '  acceptedById String? ', to: '  acceptedById String  ' },
      { file: SCHEMA, from: 'z.boolean().default(false)', to: 'z.boolean()' },
    ],
  },
  {
    id: 'value-gone',
    about: 'an enumeration loses a value (`VIEWER` of `TeamRole`)',
    edits: [{ file: MEMBER, from: '  VIEWER\n', to: '' }],
  },
  {
    id: 'value-new',
    about: 'an enumeration gets a value (`GUEST` of `TeamRole`)',
    edits: [{ file: MEMBER, from: '  VIEWER\n', to: '  VIEWER\n  GUEST\n' }],
  },
  {
    id: 'model',
    about: 'a model gets another name (`TeamMember` to `Membership`), and its place in the API',
    edits: [
      { file: MEMBER, from: 'model TeamMember {', to: 'model Membership {' },
      { file: TEAM, from: 'TeamMember[]', to: 'Membership[]' },
      { file: ROUTER, from: '  member: router({', to: '  membership: router({' },
    ],
  },
  {
    id: 'relation',
    about: 'a relation gets another name (`Team.members` to `people`)',
    edits: [{ file: TEAM, from: '  members        Team', to: '  people         Team' }],
  },
  {
    id: 'to-many',
    about: 'a relation to one becomes one to many (`User.password`)',
    edits: [{ file: 'prisma/schema/auth/user.prisma', from: 'Password?', to: 'Password[]' }],
  },
  {
    id: 'output',
    about: 'an output gets another shape (`joinedAt` to `since`)',
    edits: [{ file: SCHEMA, from: '  joinedAt: z.date(),\n', to: '  since: z.date(),\n' }],
  },
  {
    id: 'input',
    about: 'an input gets another shape (`userId` to `memberId` of `teams.member.changeRole`)',
    edits: [
      { file: SCHEMA, from: '{ teamId: TeamId, userId: UserId, role: Role }', to: '{ teamId: TeamId, memberId: UserId, role: Role }' },
    ],
  },
  {
    id: 'procedure',
    about: 'a procedure is taken away (`teams.restore`)',
    edits: [{ file: ROUTER, from: '  restore: verified\n', to: '  revive: verified\n' }],
  },
  {
    id: 'reason',
    about: 'a reason of a CONFLICT is taken away (`LAST_OWNER`)',
    edits: [{ file: 'server/src/lib/errors.ts', from: "  | 'LAST_OWNER'\n", to: '' }],
  },
]
