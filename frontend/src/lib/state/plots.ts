import type { Row } from './activity.svelte'
import { isFailure } from './activity.svelte'

const minute = 60_000

/** What the last hour looked like, minute by minute. */
export interface Hour {
  /** The beginnings of the minutes, in s since 1970, oldest first; the last one is not over. */
  readonly minutes: number[]
  readonly calls: number[]
  readonly failures: number[]
  /** In ms; null for a minute in which nothing was answered. */
  readonly half: (number | null)[]
  readonly p95: (number | null)[]
  readonly p99: (number | null)[]
  /** Of the whole hour; null when nothing was answered. */
  readonly all: { half: number; p95: number } | null
}

/** Sums up the calls of the hour that ends at now. rows are in the order in which they ended. */
export function hourOf(rows: readonly Row[], now: number): Hour {
  const count = 60
  const first = Math.floor(now / minute) - count + 1
  const took: number[][] = Array.from({ length: count }, () => [])
  const calls = new Array<number>(count).fill(0)
  const failures = new Array<number>(count).fill(0)
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i]
    if (!row) continue
    const at = Math.floor(row.at / minute) - first
    // Calls are told in the order in which they end, but for some seconds.
    if (at < -1) break
    if (at < 0 || at >= count) continue
    calls[at] = (calls[at] ?? 0) + 1
    if (isFailure(row.status)) failures[at] = (failures[at] ?? 0) + 1
    if (row.status !== 'failed' && row.status !== 'cancelled') took[at]?.push(row.took)
  }
  const sorted = took.map((t) => t.sort((a, b) => a - b))
  const everything = sorted.flat().sort((a, b) => a - b)
  return {
    minutes: calls.map((_, i) => ((first + i) * minute) / 1000),
    calls,
    failures,
    half: sorted.map((t) => percentile(t, 0.5)),
    p95: sorted.map((t) => percentile(t, 0.95)),
    p99: sorted.map((t) => percentile(t, 0.99)),
    all:
      everything.length === 0
        ? null
        : { half: percentile(everything, 0.5) ?? 0, p95: percentile(everything, 0.95) ?? 0 },
  }
}

/** The smallest of the sorted values that the share of all is not above (nearest rank); null for none. */
export function percentile(sorted: readonly number[], share: number): number | null {
  if (sorted.length === 0) return null
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
}
