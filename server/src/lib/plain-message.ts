/** Messages of errors, as they may be kept: what is wrong, and nothing of whom or of what it was wrong. */

/** What stands in quotes after these words names a part of the code or the schema. */
const named =
  /\b(?:column|constraint|relation|table|index|function|type|role|schema|property|properties|reading|setting|model|field|reserved) $/i

const LONGEST = 500

/**
 * Gives a message, cut, without the values that libraries quote in theirs: mail addresses, network addresses, tokens, numbers that are long,
 * and whatever stands in quotes. Names of columns, constraints and properties stay.
 */
export function withoutValues(message: string): string {
  return message
    .slice(0, LONGEST)
    .replace(/[^\s<>"'`()[\],;:]+@[^\s<>"'`()[\],;:]+/g, '[email]')
    .replace(/"[^"]*"|'[^']*'|`[^`]*`|\([^()]*\)=\([^()]*\)/g, quoted)
    .replace(/\b(\w*(?:password|passwd|secret|token|api_?key))\s*[=:]\s*\S+/gi, '$1=[value]')
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}\b/gi, '[address]')
    .replace(/[\w+/=.-]{20,}/g, (word) => (/\d/.test(word) ? '[token]' : word))
    .replace(/\d{6,}/g, '[number]')
}

function quoted(text: string, ...rest: unknown[]): string {
  const [at, whole] = rest.slice(-2) as [number, string]
  const isName = /^["'`][\w$.]{1,60}["'`]$/.test(text) && named.test(whole.slice(Math.max(0, at - 20), at).replace(/\($/, ''))
  return isName ? text : '[value]'
}
