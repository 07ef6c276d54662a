export interface DiffLine {
  kind: 'same' | 'added' | 'removed' | 'gap'
  text: string
}

/** The lines of a unified diff of one file, without its head; a gap stands between two hunks. */
export function parseDiff(diff: string): DiffLine[] {
  const lines: DiffLine[] = []
  let inside = false
  for (const line of diff.split('\n')) {
    if (line.startsWith('@@')) {
      if (inside) lines.push({ kind: 'gap', text: '' })
      inside = true
    } else if (inside && line !== '') {
      const text = line.slice(1)
      if (line.startsWith('+')) lines.push({ kind: 'added', text })
      else if (line.startsWith('-')) lines.push({ kind: 'removed', text })
      else if (line.startsWith(' ')) lines.push({ kind: 'same', text })
      // What is left speaks of a missing newline at the end of the file.
    }
  }
  return lines
}
