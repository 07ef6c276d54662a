import { problemOf, type Api, type Problem } from '@/lib/api/types'

/** How long the agent leaves a token on the clipboard, in ms; as in bridge/agent/copytoken.go. */
const stays = 30_000

export type CopyingState =
  | { kind: 'idle' }
  /** A dialog of the system waits for the person. */
  | { kind: 'asking' }
  /** Until when it is on the clipboard, in ms since 1970. */
  | { kind: 'copied'; until: number }
  | { kind: 'failed'; problem: Problem }

/** Copying the token of one server, which the agent does; the token itself never comes here. */
export class Copying {
  state = $state.raw<CopyingState>({ kind: 'idle' })

  readonly #api: Api
  readonly #key: string
  readonly #now: () => number

  constructor(api: Api, key: string, now: () => number = Date.now) {
    this.#api = api
    this.#key = key
    this.#now = now
  }

  /** Asks once at a time. */
  async copy(): Promise<void> {
    if (this.state.kind === 'asking') return
    this.state = { kind: 'asking' }
    try {
      const agreed = await this.#api.copyToken(this.#key)
      this.state = agreed ? { kind: 'copied', until: this.#now() + stays } : { kind: 'idle' }
    } catch (thrown) {
      this.state = { kind: 'failed', problem: problemOf(thrown) }
    }
  }
}
