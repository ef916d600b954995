/** The enums of the database, as values and as types. */
export * from './generated/enums.ts'
