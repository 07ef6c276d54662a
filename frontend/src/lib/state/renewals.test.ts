import { expect, it } from 'vitest'
import type { Renewal } from '@/lib/api/activity'
import { dueOf, linesOf, marksOf, stateOf } from './renewals'

const noon = Date.parse('2026-03-14T12:00:00Z')
const at = (seconds: number) => new Date(noon + seconds * 1000).toISOString()
const make = (more: Partial<Renewal>): Renewal => ({
  id: 1,
  key: 'a',
  label: 'a',
  expires: at(60),
  due: at(0),
  done: null,
  by: '',
  failures: 0,
  lastFailure: '',
  ...more,
})

it('holds what was expected against what was done', () => {
  expect(stateOf(make({ done: at(2) }), noon)).toEqual({ kind: 'done', off: 2000 })
  expect(stateOf(make({ done: at(2), failures: 3 }), noon)).toEqual({ kind: 'done', off: 2000 })
  expect(stateOf(make({ due: null, done: at(2) }), noon)).toEqual({ kind: 'done', off: null })
  expect(stateOf(make({ due: null }), noon)).toEqual({ kind: 'atUse' })
  expect(stateOf(make({ due: at(30) }), noon)).toEqual({ kind: 'ahead' })
  expect(stateOf(make({}), noon + 5000)).toEqual({ kind: 'ahead' })
  expect(stateOf(make({}), noon + 60_000)).toEqual({ kind: 'late', by: 60_000 })
  expect(stateOf(make({ failures: 1 }), noon)).toEqual({ kind: 'failing' })
})

it('gives each credential a line, the newest renewal first', () => {
  const all = [make({ id: 1, key: 'b', label: 'wiki' }), make({ id: 2 }), make({ id: 3, key: 'b', label: 'wiki' })]
  expect(linesOf(all).map((l) => [l.label, l.renewals.map((r) => r.id)])).toEqual([
    ['a', [2]],
    ['wiki', [3, 1]],
  ])
})

it('spans a line from the first mark to the last', () => {
  const marks = marksOf([make({ due: at(-100), done: at(-90) }), make({ due: at(100), failures: 1 })], noon)
  expect(marks).toEqual([
    { kind: 'now', share: 0.5 },
    { kind: 'due', share: 0 },
    { kind: 'done', share: 0.05 },
    { kind: 'failing', share: 1 },
  ])
  expect(marksOf([], noon)).toEqual([{ kind: 'now', share: 0.5 }])
})

it('knows when a token is due', () => {
  const all = [make({ done: at(0) }), make({ id: 2, due: at(9) }), make({ id: 3, key: 'b', due: null })]
  expect(dueOf(all, 'a')).toBe(at(9))
  expect(dueOf(all, 'b')).toBe(null)
  expect(dueOf(all, 'c')).toBe(null)
})
