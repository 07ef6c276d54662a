import { problemOf, type Api, type Problem, type Report } from '@/lib/api/types'

export type PastedState = { kind: 'empty' } | { kind: 'read'; report: Report } | { kind: 'failed'; problem: Problem }

/** A token that the person pasted, and what it says. Both go with the screen. */
export class Pasted {
  state = $state.raw<PastedState>({ kind: 'empty' })

  readonly #api: Pick<Api, 'inspect'>
  #text = $state('')
  #asked = 0

  constructor(api: Pick<Api, 'inspect'>) {
    this.#api = api
  }

  get text(): string {
    return this.#text
  }

  set text(text: string) {
    this.#text = text
    void this.#read(text)
  }

  /** The last one asked for counts; what is on show stays until its answer is there. */
  async #read(text: string): Promise<void> {
    const asked = ++this.#asked
    let next: PastedState = { kind: 'empty' }
    if (text.trim() !== '') {
      try {
        next = { kind: 'read', report: await this.#api.inspect(text) }
      } catch (thrown) {
        next = { kind: 'failed', problem: problemOf(thrown) }
      }
    }
    if (asked === this.#asked) this.state = next
  }
}
