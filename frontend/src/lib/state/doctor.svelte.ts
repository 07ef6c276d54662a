import type { DoctorApi, DoctorLine, DoctorReport, Examination, Patient, Status } from '@/lib/api/doctor'
import { problemOf, type Problem } from '@/lib/api/problem'

export type DoctorState =
  | { kind: 'idle' }
  | { kind: 'running' }
  | { kind: 'cancelled' }
  | { kind: 'done'; report: DoctorReport }
  | { kind: 'failed'; problem: Problem }

/** An examination of one server: its lines as they are found, then the whole report. */
export class Doctor {
  state = $state.raw<DoctorState>({ kind: 'idle' })
  lines = $state.raw<DoctorLine[]>([])

  /** Whom the last examination is of. */
  patient = $state.raw<Patient | null>(null)

  readonly #api: DoctorApi
  #present: Examination | null = null

  constructor(api: DoctorApi) {
    this.#api = api
  }

  async examine(patient: Patient): Promise<void> {
    this.#present?.cancel()
    this.lines = []
    this.patient = patient
    this.state = { kind: 'running' }
    const examination = this.#api.examine(patient, (line) => {
      if (this.#present === examination) this.lines = [...this.lines, line]
    })
    this.#present = examination
    let next: DoctorState
    try {
      next = { kind: 'done', report: await examination.report }
    } catch (thrown) {
      next = { kind: 'failed', problem: problemOf(thrown) }
    }
    if (this.#present !== examination) return // cancelled, or another one has begun
    this.#present = null
    if (next.kind === 'done') this.lines = next.report.lines
    this.state = next
  }

  cancel(): void {
    if (this.#present === null) return
    this.#present.cancel()
    this.#present = null
    this.state = { kind: 'cancelled' }
  }
}

/** How many lines have each verdict. */
export function countOf(lines: readonly DoctorLine[]): Record<Status, number> {
  const count = { ok: 0, warning: 0, failed: 0, skipped: 0 }
  for (const line of lines) count[line.status]++
  return count
}

/** Lines by section, in the order in which they were found. */
export function bySection(lines: readonly DoctorLine[]): { section: string; lines: DoctorLine[] }[] {
  const sections: { section: string; lines: DoctorLine[] }[] = []
  for (const line of lines) {
    const last = sections.at(-1)
    if (last?.section === line.section) last.lines.push(line)
    else sections.push({ section: line.section, lines: [line] })
  }
  return sections
}
