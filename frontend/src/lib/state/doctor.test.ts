import { expect, it } from 'vitest'
import type { DoctorLine, DoctorReport, Examination } from '@/lib/api/doctor'
import { FakeDoctor } from '@/lib/api/fakeDoctor'
import { bySection, countOf, Doctor } from './doctor.svelte'
import { reportText, title } from './doctorText'

const fake = (step: number | null = 0) => new FakeDoctor({ scene: 'mixed', now: Date.now, step })

async function examined(key: string): Promise<DoctorReport> {
  const doctor = new Doctor(fake())
  await doctor.examine({ key })
  if (doctor.state.kind !== 'done') throw new Error(doctor.state.kind)
  return doctor.state.report
}

it('has each line as it is found', async () => {
  const lines: ((line: DoctorLine) => void)[] = []
  const report = await examined('demo')
  const doctor = new Doctor({
    examine(_, line): Examination {
      lines.push(line)
      return { report: new Promise(() => undefined), cancel: () => undefined }
    },
  })
  void doctor.examine({ key: 'demo' })
  for (const line of report.lines.slice(0, 2)) lines[0]?.(line)
  expect(doctor.lines.map((l) => l.id)).toEqual(['server.address', 'server.answer'])
  // A line of a walk that was given up is not one of the next.
  void doctor.examine({ key: 'demo' })
  for (const line of report.lines) lines[0]?.(line)
  expect(doctor.lines).toEqual([])
})

it('is cancelled, and keeps what was found', async () => {
  const doctor = new Doctor(fake(null))
  const over = doctor.examine({ key: 'demo' })
  await expect.poll(() => doctor.lines.length).toBe(5)
  doctor.cancel()
  await over
  expect(doctor.state.kind).toBe('cancelled')
  expect(doctor.lines).toHaveLength(5)
})

it('says what kept it from an end', async () => {
  const doctor = new Doctor({
    examine: () => ({ report: Promise.reject(new Error('The agent has ended.')), cancel: () => undefined }),
  })
  await doctor.examine({ address: 'https://x.example/mcp' })
  expect(doctor.state).toMatchObject({ kind: 'failed', problem: { what: 'The agent has ended.' } })
})

it('counts verdicts and keeps sections together', async () => {
  const { lines } = await examined('notion')
  expect(countOf(lines)).toEqual({ ok: 7, warning: 1, failed: 1, skipped: 2 })
  expect(bySection(lines).map((s) => s.section)).toEqual([
    'server',
    'resource',
    'issuer',
    'registration',
    'authorization',
    'mcp',
  ])
})

it('is called by its worst line', async () => {
  expect(title(await examined('notion'))).toBe('It cannot work like this')
  expect(title(await examined('demo'))).toBe('It works, but not all of it is as it should be')
  const report = await examined('demo')
  expect(title({ ...report, lines: report.lines.filter((l) => l.status === 'ok') })).toBe('Nothing is wrong')
})

it('fits into a bug report', async () => {
  const text = reportText(await examined('notion'))
  expect(text).toContain('drawbridge 0.0.0-fake doctor https://mcp.notion.example/mcp')
  expect(text).toContain('  [Failed] It supports PKCE with S256 (RFC 7636 §4.2')
  expect(text).toContain('      -> Only the provider can mend that.')
})
