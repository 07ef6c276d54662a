import { problemOf, type Api, type Problem, type Report } from '@/lib/api/types'

export type TokenState = { kind: 'loading' } | { kind: 'ready'; report: Report } | { kind: 'failed'; problem: Problem }

/** The explained access token of one server. */
export class Token {
  state = $state.raw<TokenState>({ kind: 'loading' })

  readonly #api: Api
  readonly #key: string
  #asked = 0

  constructor(api: Api, key: string) {
    this.#api = api
    this.#key = key
  }

  /** Asks for the report. The one on show stays until the new one is there. */
  async load(): Promise<void> {
    const asked = ++this.#asked
    if (this.state.kind === 'failed') this.state = { kind: 'loading' }
    let next: TokenState
    try {
      next = { kind: 'ready', report: await this.#api.token(this.#key) }
    } catch (thrown) {
      next = { kind: 'failed', problem: problemOf(thrown) }
    }
    if (asked === this.#asked) this.state = next
  }
}
