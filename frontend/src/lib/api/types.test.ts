import { expect, it } from 'vitest'
import { ApiError, problemOf } from './types'

it.each([
  ['a Problem, as Wails rejects with it', { code: 'bad_url', what: 'No.', next: '' }, 'bad_url', 'No.'],
  ['an ApiError', new ApiError({ code: 'storage', what: 'Full.', next: '' }), 'storage', 'Full.'],
  ['an Error', new Error('boom'), 'internal', 'boom'],
  ['text', 'boom', 'internal', 'boom'],
  ['nothing', undefined, 'internal', 'undefined'],
])('finds the problem in %s', (_, thrown, code, what) => {
  expect(problemOf(thrown)).toMatchObject({ code, what })
})
