import type { Server } from '@/lib/api/types'
import { time } from '@/lib/i18n/time'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/**
 * A length of time in the two units that matter: "42 s", "4 min 08 s",
 * "1 h 04 min", "3 d 4 h". The smaller unit keeps its width, so that a
 * countdown does not jitter.
 */
export function duration(ms: number): string {
  const t = Math.max(0, ms)
  if (t < minute) return time.seconds(whole(t / second))
  if (t < hour) return time.minutes(whole(t / minute), pad((t % minute) / second))
  if (t < day) return time.hours(whole(t / hour), pad((t % hour) / minute))
  return t < 14 * day ? time.daysAndHours(whole(t / day), whole((t % day) / hour)) : time.days(whole(t / day))
}

function whole(n: number): string {
  return String(Math.floor(n))
}

function pad(n: number): string {
  return String(Math.floor(n)).padStart(2, '0')
}

/** "in 42 s", "5 s ago" or "now", seen from now. */
export function relative(at: number, now: number): string {
  const ms = at - now
  if (Math.abs(ms) < second) return time.now
  return ms > 0 ? time.ahead(duration(untilEnd(at, now))) : time.ago(duration(-ms))
}

const absoluteFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

/** Date and time in the person's own form and zone; the text itself when it is no time. */
export function absolute(iso: string): string {
  const at = Date.parse(iso)
  return Number.isNaN(at) ? iso : absoluteFormat.format(at)
}

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** The time of day of a moment in ms, in the person's own form and zone. */
export function clockTime(at: number): string {
  return clockFormat.format(at)
}

/** A moment as short as it can be told: on the day of now its time alone, else its date too. */
export function moment(at: number, now: number): string {
  const isToday = new Date(at).toDateString() === new Date(now).toDateString()
  return isToday ? clockTime(at) : absoluteFormat.format(at)
}

const minuteFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

/** The same without the seconds. */
export function hourAndMinute(at: number): string {
  return minuteFormat.format(at)
}

/**
 * The time left as it is shown: between full seconds of the clock, as the clock
 * ticks on these. What is shown stays for a second, so a fraction that was
 * rounded up would be a second too many before the next tick. "1 s" is shown
 * until there is nothing left.
 */
function untilEnd(end: number, now: number): number {
  return Math.max(1, Math.floor(end / second) - Math.floor(now / second)) * second
}

/** How an access token stands between its issue and its end. */
export type Expiry =
  | { kind: 'unknown' }
  /** share: what is left of its life, 1 to 0; null when its beginning is not known. */
  | { kind: 'live'; left: string; share: number | null }
  /** Past its end, which is routine: it is renewed when it is needed next. */
  | { kind: 'resting'; ago: string }
  /** Past its end, and nothing renews it. */
  | { kind: 'over'; ago: string }

export function expiryOf(server: Pick<Server, 'issuedAt' | 'expiresAt' | 'renewable'>, now: number): Expiry {
  const end = parse(server.expiresAt)
  if (end === null) return { kind: 'unknown' }
  const left = end - now
  if (left <= 0) {
    const ago = duration(-left)
    return server.renewable ? { kind: 'resting', ago } : { kind: 'over', ago }
  }
  const start = parse(server.issuedAt)
  const share = start === null || start >= end ? null : Math.min(1, left / (end - start))
  return { kind: 'live', left: duration(untilEnd(end, now)), share }
}

function parse(iso: string | null): number | null {
  if (iso === null) return null
  const at = Date.parse(iso)
  return Number.isNaN(at) ? null : at
}
