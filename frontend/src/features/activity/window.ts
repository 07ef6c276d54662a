/** Rows drawn above and below those that can be seen, so that quick scrolling shows no gap. */
const spare = 8

/** Which rows of a list are drawn: [from, to). All in px; count is how many rows there are. */
export function windowOf(top: number, height: number, rowHeight: number, count: number): { from: number; to: number } {
  const from = Math.max(0, Math.min(Math.floor(top / rowHeight) - spare, count - 1))
  return { from, to: Math.min(count, Math.ceil((top + height) / rowHeight) + spare) }
}
