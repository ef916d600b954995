/** Who is in the demonstration. Known to everybody: made in development alone. */
export const demo = {
  owner: 'owner@example.com',
  member: 'member@example.com',
  invited: 'invited@example.com',
  password: 'a small demo with large ideas',
} as const
