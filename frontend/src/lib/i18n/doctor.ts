import type { DoctorOutcome, Status } from '@/lib/api/doctor'

/** The texts of the Doctor screen. */
export const doctor = {
  title: 'Doctor',
  lead: 'Finds out why a server cannot be used, clause by clause of the specifications. It changes nothing.',
  server: 'Server',
  otherAddress: 'Another address\u2026',
  address: 'Server address',
  addressHint: 'A server that you have not added can be examined, too.',
  examine: 'Examine',
  again: 'Examine again',
  cancel: 'Cancel',
  idleTitle: 'Nothing examined yet',
  idle: 'Choose a server. Drawbridge asks it and its provider step by step and says of each answer whether it is as it has to be, and what to do where it is not.',
  running: (n: number) => (n === 1 ? 'Examining\u2026 1 answer so far.' : `Examining\u2026 ${n} answers so far.`),
  cancelled: 'Cancelled. What was found until then stands below.',
  failedTitle: 'The examination did not come to an end.',
  outcome: {
    healthy: 'Nothing is wrong',
    sign_in_needed: 'All that is missing is that you sign in',
    broken: 'It cannot work like this',
    unreachable: 'A server cannot be reached',
  } satisfies Record<DoctorOutcome, string>,
  healthyWithWarnings: 'It works, but not all of it is as it should be',
  status: {
    ok: 'OK',
    warning: 'Warning',
    failed: 'Failed',
    skipped: 'Not tried',
  } satisfies Record<Status, string>,
  count: {
    ok: (n: number) => `${n} OK`,
    warning: (n: number) => (n === 1 ? '1 warning' : `${n} warnings`),
    failed: (n: number) => `${n} failed`,
    skipped: (n: number) => `${n} not tried`,
  } satisfies Record<Status, (n: number) => string>,
  took: (host: string, seconds: string) => `${host}, examined in ${seconds} s`,
  /** As in bridge/doctor/report. */
  section: {
    server: 'The server without a sign-in',
    resource: 'What the server says about itself',
    issuer: 'What its authorization server says about itself',
    registration: 'How Drawbridge becomes known there',
    authorization: 'Signing in',
    mcp: 'The first request with a sign-in',
  } as Record<string, string>,
  received: 'Received:',
  remedy: 'What to do:',
  onlyTrouble: 'Only what needs attention',
  nothingToShow: 'Nothing needs attention.',
  copyReport: 'Copy report',
  copyTrace: 'Copy trace',
  trace: 'HTTP traffic, without secrets',
  traceHint:
    'Tokens, codes, cookies and all that is not known to be harmless are left out. Read it before you pass it on.',
}
