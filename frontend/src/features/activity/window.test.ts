import { expect, it } from 'vitest'
import { windowOf } from './window'

it.each([
  ['the top', 0, 100_000, { from: 0, to: 18 }],
  ['the middle', 50_000 * 40, 100_000, { from: 49_992, to: 50_018 }],
  ['the end', 99_990 * 40, 100_000, { from: 99_982, to: 100_000 }],
  ['a list that became shorter', 5_000 * 40, 3, { from: 2, to: 3 }],
  ['nothing', 0, 0, { from: 0, to: 0 }],
])('draws what can be seen and a few more: %s', (_, top, count, drawn) => {
  expect(windowOf(top, 400, 40, count)).toEqual(drawn)
})
