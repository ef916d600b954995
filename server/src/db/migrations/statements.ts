/** Cuts a script into its statements, as PostgreSQL's lexer would: semicolons in quotes, dollar quotes and comments separate nothing. */

const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\$(?<tag>[A-Za-z_]\w*)?\$[\s\S]*?\$\k<tag>\$|\/\*|;/gy
const escapeString = /[eE]'(?:[^'\\]|''|\\[\s\S])*'/y

/** Lists the statements of a script without their semicolons. Comments stay; what is comment alone is left out. */
export function statementsOf(script: string): string[] {
  const statements: string[] = []
  let begin = 0
  let position = 0
  while (position < script.length) {
    const end = endOfToken(script, position)
    if (script[position] === ';') {
      statements.push(script.slice(begin, position))
      begin = end
    }
    position = end
  }
  statements.push(script.slice(begin))
  return statements.map((statement) => statement.trim()).filter((statement) => withoutComments(statement) !== '')
}

/** The statement without comments and outer space: for looking at what it does, not for running it. */
export function withoutComments(statement: string): string {
  let text = ''
  for (let position = 0; position < statement.length;) {
    const end = endOfToken(statement, position)
    const part = statement.slice(position, end)
    text += part.startsWith('--') || part.startsWith('/*') ? ' ' : part
    position = end
  }
  return text.trim()
}

function endOfToken(script: string, position: number): number {
  const character = script[position] ?? ''
  if (/[A-Za-z_0-9]/.test(character)) return endOfWord(script, position)
  if (script.startsWith('/*', position)) return endOfBlockComment(script, position)
  token.lastIndex = position
  return token.test(script) ? token.lastIndex : position + 1
}

/** A dollar sign inside a word (`a$b$`) opens no quote, and `E'...'` is a string with backslashes. */
function endOfWord(script: string, position: number): number {
  escapeString.lastIndex = position
  if (escapeString.test(script)) return escapeString.lastIndex
  let end = position
  while (/[A-Za-z_0-9$]/.test(script[end] ?? '')) end++
  return end
}

/** Block comments nest in PostgreSQL. */
function endOfBlockComment(script: string, position: number): number {
  let depth = 0
  for (let at = position; at < script.length; at++) {
    if (script.startsWith('/*', at)) depth++
    if (script.startsWith('*/', at)) depth--
    if (script.startsWith('/*', at) || script.startsWith('*/', at)) at++
    if (depth === 0) return at + 1
  }
  return script.length
}
