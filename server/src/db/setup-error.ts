/**
 * Something that the person who starts the server has to mend: a port, a URL, a migration.
 * The commands print its message, one clear sentence, without a stack.
 */
export class SetupError extends Error {
  override readonly name = 'SetupError'
}
