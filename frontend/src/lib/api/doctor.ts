import type { report } from '@/wailsjs/go/models'

export type Status = `${report.Status}`

/** One clause: what a specification wants and what was received. */
export interface DoctorLine extends Omit<report.Line, 'status' | 'remedy' | 'exchanges'> {
  status: Status
  /** What to do, or "". */
  remedy: string
  /** Numbers of the requests, in the trace, that it rests on. */
  exchanges: number[]
}

export type DoctorOutcome = 'healthy' | 'sign_in_needed' | 'broken' | 'unreachable'

/** What was learned of a server, for who is about to add it. */
export interface Found extends Omit<report.Found, 'registration'> {
  registration: '' | 'document' | 'dynamic' | 'given' | 'by_hand'
}

export interface DoctorReport extends Omit<report.Report, 'lines' | 'outcome' | 'trace' | 'account' | 'found'> {
  found: Found
  account: string
  outcome: DoctorOutcome
  lines: DoctorLine[]
  /** The HTTP traffic without secrets. */
  trace: string
}

/** Whom the doctor is to look at: a server by its key, or an address alone. */
export type Patient = { key: string } | { address: string }

/** What the page can ask of the doctor. */
export interface DoctorApi {
  /** Resolves at the end; line is called with each clause before. Rejects with an ApiError. */
  examine(patient: Patient, line: (line: DoctorLine) => void): Examination
}

export interface Examination {
  readonly report: Promise<DoctorReport>
  /** Ends it; the report is then rejected. */
  cancel(): void
}
