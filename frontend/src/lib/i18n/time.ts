/** Lengths of time and moments; the numbers are whole already. */
export const time = {
  seconds: (s: string) => `${s} s`,
  minutes: (min: string, s: string) => `${min} min ${s} s`,
  hours: (h: string, min: string) => `${h} h ${min} min`,
  days: (d: string) => `${d} d`,
  daysAndHours: (d: string, h: string) => `${d} d ${h} h`,
  now: 'now',
  ahead: (length: string) => `in ${length}`,
  ago: (length: string) => `${length} ago`,
}
