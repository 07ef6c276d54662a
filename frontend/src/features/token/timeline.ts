import type { Report, Server } from '@/lib/api/types'

/** A moment in a token's life. */
export interface Moment {
  readonly kind: 'issued' | 'notBefore' | 'refresh' | 'now' | 'due' | 'expires'
  /** In ms since 1970. */
  readonly at: number
  /** Where it stands between the first and the last moment, 0 to 1. */
  readonly share: number
}

/**
 * The moments of a token that are known, in order. refreshedAt is when it took the place
 * of the one before it; that is left out where it is the moment of issue to the second. due is when it is to be renewed, by
 * the agent's plan.
 */
export function momentsOf(
  report: Pick<Report, 'issuedAt' | 'notBefore' | 'expiresAt'>,
  refreshedAt: Server['refreshedAt'],
  now: number,
  due: string | null = null,
): Moment[] {
  const issued = parse(report.issuedAt)
  const notBefore = parse(report.notBefore)
  const refreshed = parse(refreshedAt)
  const found: { kind: Moment['kind']; at: number | null }[] = [
    { kind: 'issued', at: issued },
    { kind: 'notBefore', at: same(notBefore, issued) ? null : notBefore },
    { kind: 'refresh', at: same(refreshed, issued) ? null : refreshed },
    { kind: 'now', at: now },
    { kind: 'due', at: ahead(parse(due), now) },
    { kind: 'expires', at: parse(report.expiresAt) },
  ]
  const known = found
    .filter((m): m is { kind: Moment['kind']; at: number } => m.at !== null)
    .sort((a, b) => a.at - b.at)
  const first = known[0]?.at ?? 0
  const span = (known.at(-1)?.at ?? 0) - first
  return known.map((m) => ({ ...m, share: span === 0 ? 0 : (m.at - first) / span }))
}

/** A plan counts as long as its time has not come. */
function ahead(at: number | null, now: number): number | null {
  return at !== null && at > now ? at : null
}

function same(a: number | null, b: number | null): boolean {
  return a !== null && b !== null && Math.abs(a - b) < 2000
}

function parse(iso: string | null): number | null {
  const at = Date.parse(iso ?? '')
  return Number.isNaN(at) ? null : at
}
