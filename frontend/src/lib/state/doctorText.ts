import type { DoctorReport } from '@/lib/api/doctor'
import { text } from '@/lib/i18n/en'
import { bySection } from './doctor.svelte'

/** The report as text that fits into a bug report. */
export function reportText(report: DoctorReport): string {
  const parts = [`drawbridge ${report.version} doctor ${report.url}, ${report.startedAt}`, title(report)]
  for (const { section, lines } of bySection(report.lines)) {
    parts.push('', text.doctor.section[section] ?? section)
    for (const line of lines) {
      parts.push(`  [${text.doctor.status[line.status]}] ${line.title} (${line.ref})`)
      if (line.got !== '') parts.push(`      ${line.got}`)
      if (line.remedy !== '') parts.push(`      -> ${line.remedy}`)
    }
  }
  return parts.join('\n') + '\n'
}

/** The report in a few words. */
export function title(report: DoctorReport): string {
  const warns = report.lines.some((line) => line.status === 'warning')
  return report.outcome === 'healthy' && warns ? text.doctor.healthyWithWarnings : text.doctor.outcome[report.outcome]
}
