import { expect, it } from 'vitest'
import { momentsOf } from './timeline'

const at = (s: number) => new Date(s * 1000).toISOString()

it('puts what is known in order, with now among it', () => {
  const moments = momentsOf({ issuedAt: at(100), notBefore: at(110), expiresAt: at(200) }, at(150), 175_000)
  expect(moments.map((m) => [m.kind, m.share])).toEqual([
    ['issued', 0],
    ['notBefore', 0.1],
    ['refresh', 0.5],
    ['now', 0.75],
    ['expires', 1],
  ])
})

it('has now last once the token has expired', () => {
  const moments = momentsOf({ issuedAt: at(100), notBefore: at(100), expiresAt: at(200) }, at(101), 300_000)
  expect(moments.map((m) => [m.kind, m.share])).toEqual([
    ['issued', 0],
    ['expires', 0.5],
    ['now', 1],
  ])
})

it('has now alone where the token says nothing', () => {
  expect(momentsOf({ issuedAt: null, notBefore: null, expiresAt: null }, null, 5)).toEqual([
    { kind: 'now', at: 5, share: 0 },
  ])
})
