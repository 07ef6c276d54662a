import type { ConnectionsApi } from '@/lib/api/connections'
import { problemOf, type Problem } from '@/lib/api/problem'

/** Changes to how servers are reached. */
export class Connections {
  /** Why the last change was refused, and of which server. */
  refused = $state.raw<{ name: string; problem: Problem } | null>(null)
  /** The server whose last change can be taken back; "" for none. */
  changed = $state('')
  busy = $state(false)

  readonly #api: ConnectionsApi

  constructor(api: ConnectionsApi) {
    this.#api = api
  }

  setProxy(name: string, proxy: string): Promise<void> {
    return this.#do(name, async () => {
      await this.#api.setProxy(name, proxy)
      return name
    })
  }

  chooseCAFile(name: string): Promise<void> {
    return this.#do(name, async () => ((await this.#api.chooseCAFile(name)) ? name : this.changed))
  }

  removeCAFile(name: string): Promise<void> {
    return this.#do(name, async () => {
      await this.#api.removeCAFile(name)
      return name
    })
  }

  undo(name: string): Promise<void> {
    return this.#do(name, async () => {
      await this.#api.undo(name)
      return ''
    })
  }

  async #do(name: string, ask: () => Promise<string>): Promise<void> {
    if (this.busy) return // a second click
    this.busy = true
    this.refused = null
    try {
      this.changed = await ask()
    } catch (thrown) {
      this.refused = { name, problem: problemOf(thrown) }
    } finally {
      this.busy = false
    }
  }
}
