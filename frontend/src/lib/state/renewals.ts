import type { Renewal } from '@/lib/api/activity'

/** How a renewal stands, expected against done. */
export type RenewalState =
  /** off: how much later than expected it came, in ms; null when nobody had planned it. */
  | { kind: 'done'; off: number | null }
  /** To come, or left to whoever uses the token next. */
  | { kind: 'ahead' | 'atUse' }
  /** The agent has tried in vain. */
  | { kind: 'failing' }
  /** by: how long it has been due, in ms. */
  | { kind: 'late'; by: number }

/** Within this it came when it was expected, in ms: it takes a moment. */
export const onTime = 10_000

export function stateOf(renewal: Renewal, now: number): RenewalState {
  const due = parse(renewal.due)
  const done = parse(renewal.done)
  if (done !== null) return { kind: 'done', off: due === null ? null : done - due }
  if (renewal.failures > 0) return { kind: 'failing' }
  if (due === null) return { kind: 'atUse' }
  return now - due > onTime ? { kind: 'late', by: now - due } : { kind: 'ahead' }
}

/** The renewals of one credential. */
export interface Line {
  readonly key: string
  readonly label: string
  /** Newest first. */
  readonly renewals: readonly Renewal[]
}

/** The renewals by credential, in the order of their names. */
export function linesOf(all: readonly Renewal[]): Line[] {
  const keys = [...new Set(all.map((r) => r.key))]
  return keys
    .map((key) => {
      const renewals = all.filter((r) => r.key === key).reverse()
      return { key, label: renewals[0]?.label ?? key, renewals }
    })
    .sort((a, b) => a.label.localeCompare(b.label))
}

/** A mark on a line, from 0 to 1. */
export interface Mark {
  readonly kind: 'due' | 'done' | 'now' | 'failing'
  readonly share: number
}

/** Where expected and done stand on a line that these renewals and now span. */
export function marksOf(renewals: readonly Renewal[], now: number): Mark[] {
  const found: { kind: Mark['kind']; at: number }[] = [{ kind: 'now', at: now }]
  for (const renewal of renewals) {
    const due = parse(renewal.due)
    const done = parse(renewal.done)
    if (due !== null) found.push({ kind: renewal.failures > 0 && done === null ? 'failing' : 'due', at: due })
    if (done !== null) found.push({ kind: 'done', at: done })
  }
  const times = found.map((f) => f.at)
  const first = Math.min(...times)
  const span = Math.max(...times) - first
  return found.map(({ kind, at }) => ({ kind, share: span === 0 ? 0.5 : (at - first) / span }))
}

/** When the token of a credential is to be renewed, by the agent's plan; null when it has none. */
export function dueOf(all: readonly Renewal[], key: string): string | null {
  return all.findLast((r) => r.key === key && r.done === null)?.due ?? null
}

function parse(iso: string | null): number | null {
  const at = Date.parse(iso ?? '')
  return Number.isNaN(at) ? null : at
}
