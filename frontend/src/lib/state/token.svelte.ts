import { problemOf, type Api, type Difference, type Problem, type Report, type TokenAnswer } from '@/lib/api/types'

interface Ready {
  kind: 'ready'
  report: Report
  /** null while the agent has seen no token before this one. */
  difference: Difference | null
}

export type TokenState = { kind: 'loading' } | Ready | { kind: 'failed'; problem: Problem }

/** What the provider says of a token that does not speak for itself. */
export type AnswerState =
  { kind: 'asking' } | { kind: 'said'; answer: TokenAnswer } | { kind: 'failed'; problem: Problem }

/** The explained access token of one server. */
export class Token {
  state = $state.raw<TokenState>({ kind: 'loading' })

  /** Asked for only of an opaque token. */
  answer = $state.raw<AnswerState>({ kind: 'asking' })

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
      const report = await this.#api.token(this.#key)
      // A token is worth showing though there is nothing to compare it with.
      const difference = await this.#api.tokenDifference(this.#key).catch(() => null)
      next = { kind: 'ready', report, difference }
    } catch (thrown) {
      next = { kind: 'failed', problem: problemOf(thrown) }
    }
    if (asked !== this.#asked) return
    this.state = next
    if (next.kind === 'ready' && next.report.format !== 'jwt') await this.#ask(asked)
  }

  async #ask(asked: number): Promise<void> {
    let next: AnswerState
    try {
      next = { kind: 'said', answer: await this.#api.askToken(this.#key) }
    } catch (thrown) {
      next = { kind: 'failed', problem: problemOf(thrown) }
    }
    if (asked === this.#asked) this.answer = next
  }
}
