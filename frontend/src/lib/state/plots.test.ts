import { expect, it } from 'vitest'
import type { CallStatus } from '@/lib/api/activity'
import type { Row } from './activity.svelte'
import { hourOf, percentile } from './plots'

const now = Date.UTC(2026, 2, 14, 12, 0, 30)
const row = (ago: number, took: number, status: CallStatus = 'ok'): Row => {
  const who = { session: 's', key: 'k', server: 'notes', account: 'default', client: 'c', method: 'm', tool: '' }
  return { seq: 0, at: now - ago * 1000, ...who, took, status, reason: '' }
}

it('takes the nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
  expect(percentile(hundred, 0.5)).toBe(50)
  expect(percentile(hundred, 0.99)).toBe(99)
  expect(percentile([7], 0.5)).toBe(7)
  expect(percentile([], 0.5)).toBeNull()
})

it('sums up the last sixty minutes of the clock', () => {
  const hour = hourOf(
    [row(3700, 1), row(3560, 5), row(40, 10), row(35, 30, 'tool_error'), row(32, 9000, 'failed'), row(5, 20)],
    now,
  )
  expect(hour.minutes).toHaveLength(60)
  expect(hour.minutes.at(-1)).toBe(Date.UTC(2026, 2, 14, 12, 0) / 1000)
  expect(hour.calls.slice(-2)).toEqual([3, 1])
  expect(hour.failures.slice(-2)).toEqual([2, 0])
  // A server that could not be asked says nothing of how fast it answers.
  expect(hour.p99.slice(-2)).toEqual([30, 20])
  expect(hour.half.at(-3)).toBeNull()
  expect(hour.calls.reduce((a, b) => a + b)).toBe(5)
  expect(hour.all).toEqual({ half: 10, p95: 30 })
})

it('has nothing to say of an hour without calls', () => {
  expect(hourOf([], now).all).toBeNull()
})
