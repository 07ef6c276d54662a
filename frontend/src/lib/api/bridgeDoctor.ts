import * as app from '@/wailsjs/go/main/App'
import type { report } from '@/wailsjs/go/models'
import { EventsOn } from '@/wailsjs/runtime/runtime'
import { ask, list } from './ask'
import type { DoctorApi, DoctorLine, DoctorOutcome, DoctorReport, Found } from './doctor'

/** The DoctorApi over Wails' bridge to Go. */
export function doctorBridge(): DoctorApi {
  let runs = 0
  return {
    examine(patient, line) {
      const run = `${Date.now()}-${++runs}`
      // Its name as in app_doctor.go.
      const end = EventsOn('doctor', (raw: { run: string; line: report.Line }) => {
        if (raw.run === run) line(toLine(raw.line))
      })
      const answer = ask(async () =>
        toReport(await ('key' in patient ? app.Doctor(run, patient.key) : app.DoctorAddress(run, patient.address))),
      ).finally(end)
      return { report: answer, cancel: () => void app.CancelDoctor(run) }
    },
  }
}

function toLine(raw: report.Line): DoctorLine {
  return { ...raw, remedy: raw.remedy ?? '', exchanges: list(raw.exchanges) }
}

function toReport(raw: report.Report): DoctorReport {
  return {
    ...raw,
    account: raw.account ?? '',
    outcome: raw.outcome as DoctorOutcome,
    lines: list(raw.lines).map(toLine),
    found: {
      ...raw.found,
      registration: raw.found.registration as Found['registration'],
      scopes: list(raw.found.scopes),
    },
    trace: raw.trace ?? '',
  }
}
