import { describe, expect, it } from 'vitest'
import { absolute, clockTime, duration, expiryOf, moment, relative } from './words'

const s = 1000
const h = 3600 * s

describe('duration', () => {
  it.each([
    [0, '0 s'],
    [-5 * s, '0 s'],
    [59.9 * s, '59 s'],
    [60 * s, '1 min 00 s'],
    [248 * s, '4 min 08 s'],
    [h + 4 * 60 * s, '1 h 04 min'],
    [76 * h, '3 d 4 h'],
    [40 * 24 * h, '40 d'],
  ])('%d ms is %s', (ms, want) => {
    expect(duration(ms)).toBe(want)
  })
})

describe('relative', () => {
  it.each([
    [42 * s, 'in 42 s'],
    [41.2 * s, 'in 41 s'],
    [-5.9 * s, '5 s ago'],
    [0.4 * s, 'now'],
  ])('%d ms from now is %s', (ms, want) => {
    expect(relative(ms, 0)).toBe(want)
  })
})

describe('absolute', () => {
  it('leaves alone what is no time', () => {
    expect(absolute('yesterday')).toBe('yesterday')
  })
})

describe('moment', () => {
  const noon = new Date(2026, 2, 14, 12).getTime()
  it('is the time alone on the day of now', () => {
    expect(moment(noon - h, noon)).toBe(clockTime(noon - h))
  })
  it('has the date, too, on any other day', () => {
    expect(moment(noon - 13 * h, noon)).toBe(absolute(new Date(noon - 13 * h).toISOString()))
  })
})

describe('expiryOf', () => {
  const at = (ms: number) => new Date(ms).toISOString()
  const token = (from: number, to: number, renewable: boolean) => ({
    issuedAt: at(from),
    expiresAt: at(to),
    renewable,
  })

  it('counts down and shrinks the share', () => {
    expect(expiryOf(token(0, 10 * s, true), 5 * s)).toEqual({ kind: 'live', left: '5 s', share: 0.5 })
  })
  it('never shows a second too many until the next full second', () => {
    // At 6.9 s there are 3.7 s left; the clock has ticked at 6 s for the last time.
    expect(expiryOf(token(0, 10.6 * s, true), 6 * s)).toMatchObject({ left: '4 s' })
    expect(expiryOf(token(0, 10.6 * s, true), 7 * s)).toMatchObject({ left: '3 s' })
    expect(expiryOf(token(0, 10.6 * s, true), 10 * s)).toMatchObject({ left: '1 s' })
  })
  it('rounds up, so that the last second is not shown as none', () => {
    expect(expiryOf(token(0, 10 * s, true), 9.5 * s)).toMatchObject({ left: '1 s' })
  })
  it('is calm about an expired token that is renewed at the next use', () => {
    expect(expiryOf(token(0, 10 * s, true), 15 * s)).toEqual({ kind: 'resting', ago: '5 s' })
  })
  it('says that one which cannot be renewed is over', () => {
    expect(expiryOf(token(0, 10 * s, false), 15 * s)).toEqual({ kind: 'over', ago: '5 s' })
  })
  it('has no share when the beginning is not known', () => {
    expect(expiryOf({ ...token(0, 10 * s, true), issuedAt: null }, 0)).toEqual({
      kind: 'live',
      left: '10 s',
      share: null,
    })
  })
  it('never shows more than a whole life, whatever the clocks say', () => {
    expect(expiryOf(token(5 * s, 10 * s, true), 0)).toMatchObject({ share: 1 })
  })
  it.each([[null], ['soon']])('does not know an end of %s', (expiresAt) => {
    expect(expiryOf({ issuedAt: null, expiresAt, renewable: true }, 0)).toEqual({ kind: 'unknown' })
  })
})
