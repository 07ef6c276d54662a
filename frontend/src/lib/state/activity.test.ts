import { beforeEach, expect, it } from 'vitest'
import type { ActivityApi, ActivityChange, Call } from '@/lib/api/activity'
import { Activity, everything } from './activity.svelte'

let tell: (change: Partial<ActivityChange>) => void
let exported: number[] = []
let activity: Activity

const api: ActivityApi = {
  capture: () => Promise.resolve(),
  captured: () => Promise.resolve({ arguments: '', result: '' }),
  follow: (listener) => {
    tell = (change) => listener({ reset: false, sessions: null, renewals: null, calls: [], dropped: 0, ...change })
    return () => undefined
  },
  export: (_, seqs) => {
    exported = seqs
    return Promise.resolve({ path: '/x', calls: seqs.length })
  },
}

function call(seq: number, more: Partial<Call> = {}): Call {
  const at = new Date(1_000_000 + seq).toISOString()
  const who = { session: 's', key: 'k', server: 'notes', account: 'default', client: 'Cursor' }
  return { seq, at, ...who, method: 'tools/call', tool: 'search', took: 1, status: 'ok', reason: '', ...more }
}

const shown = () => activity.shown.map((row) => row.seq)

beforeEach(() => {
  activity = new Activity(api)
  activity.start()
})

it('is ready once the agent has told of nothing, too', () => {
  expect(activity.ready).toBe(false)
  tell({ reset: true, sessions: [] })
  expect(activity.ready).toBe(true)
  expect(shown()).toEqual([])
})

it('filters by words, status and server, what is there and what comes', () => {
  tell({ calls: [call(1), call(2, { status: 'failed' }), call(3, { server: 'wiki', tool: 'Read' })] })
  activity.filter = { ...everything, words: 'wiki rea' }
  expect(shown()).toEqual([3])
  activity.filter = { ...everything, status: 'failed' }
  tell({ calls: [call(4, { status: 'tool_error' }), call(5), call(6, { status: 'cancelled' })] })
  expect(shown()).toEqual([2, 4])
  activity.filter = { ...everything, server: 'wiki' }
  expect(shown()).toEqual([3])
})

it('stands still in a pause, counts what comes, and catches up', () => {
  tell({ calls: [call(1)] })
  activity.paused = true
  tell({ calls: [call(2), call(3)] })
  expect(shown()).toEqual([1])
  expect(activity.behind()).toBe(2)
  activity.filter = { ...everything, words: 'search' } // no reason to move on
  expect(shown()).toEqual([1])
  activity.paused = false
  expect(shown()).toEqual([1, 2, 3])
  expect(activity.behind()).toBe(0)
})

it('forgets what an agent told that has gone', () => {
  tell({ calls: [call(1), call(2)] })
  tell({ reset: true, calls: [call(1, { tool: 'other' })] })
  expect(activity.calls.map((row) => row.tool)).toEqual(['other'])
})

it('keeps as many as the agent, the last ones', () => {
  const page = (from: number) => Array.from({ length: 2000 }, (_, i) => call(from + i))
  for (let from = 1; from < 112_000; from += 2000) tell({ calls: page(from) })
  expect(activity.calls.length).toBeGreaterThanOrEqual(100_000)
  expect(activity.calls.length).toBeLessThanOrEqual(105_000)
  expect(activity.shown.length).toBe(activity.calls.length)
  expect(activity.calls.at(-1)?.seq).toBe(112_000)
  expect(activity.shown[0]?.seq).toBe(activity.calls[0]?.seq)
})

it('exports what is shown', async () => {
  tell({ calls: [call(1), call(2, { status: 'error' })] })
  activity.filter = { ...everything, status: 'failed' }
  await activity.export('csv')
  expect(exported).toEqual([2])
})
