/**
 * JSON text with line breaks and two spaces a level. The text is never parsed
 * into values: a number keeps all its digits, and members keep their order.
 */
export function indent(json: string): string {
  let out = ''
  let depth = 0
  const line = () => `\n${'  '.repeat(depth)}`
  for (const token of json.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/gs) ?? []) {
    if (token === '{' || token === '[') {
      depth++
      out += token + line()
    } else if (token === '}' || token === ']') {
      depth--
      // An empty object or list stays on its line.
      out = /[{[]\s*$/.test(out) ? out.trimEnd() + token : out + line() + token
    } else if (token === ',') {
      out += token + line()
    } else {
      out += token === ':' ? ': ' : token
    }
  }
  return out
}
