import type { DoctorApi, DoctorReport, Examination, Found } from '@/lib/api/doctor'
import { problemOf, type Problem } from '@/lib/api/problem'

export type DiscoveryState =
  { kind: 'idle' } | { kind: 'looking' } | { kind: 'found'; found: Found } | { kind: 'failed'; problem: Problem }

/** What is found out about an address before it is added: nothing is opened, nothing is left there. */
export class Discovery {
  state = $state.raw<DiscoveryState>({ kind: 'idle' })
  /** The address that the state is about. */
  address = $state.raw('')

  readonly #api: DoctorApi
  #present: Examination | null = null

  constructor(api: DoctorApi) {
    this.#api = api
  }

  async look(address: string): Promise<void> {
    this.stop()
    this.address = address
    this.state = { kind: 'looking' }
    const examination = this.#api.examine({ address }, () => undefined)
    this.#present = examination
    let next: DiscoveryState
    try {
      next = judged(await examination.report)
    } catch (thrown) {
      next = { kind: 'failed', problem: problemOf(thrown) }
    }
    if (this.#present !== examination) return
    this.#present = null
    this.state = next
  }

  /** Ends a look that is under way. */
  stop(): void {
    this.#present?.cancel()
    this.#present = null
    this.address = ''
    this.state = { kind: 'idle' }
  }
}

/** Found, unless nothing is known of how to sign in: then the first thing that failed says why. */
function judged(report: DoctorReport): DiscoveryState {
  const { found } = report
  if (found.open || found.issuer !== '') return { kind: 'found', found }
  const why = report.lines.find((line) => line.status === 'failed')
  return { kind: 'failed', problem: { code: 'not_mcp', what: why?.got ?? '', next: why?.remedy ?? '' } }
}
