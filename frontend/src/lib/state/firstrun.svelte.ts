import { problemOf, type Problem } from '@/lib/api/problem'
import type { Api } from '@/lib/api/types'
import type { Clients } from './clients.svelte'
import type { Servers } from './servers.svelte'

/** The way from an empty window to a server that is signed in and a client that uses it. */
export class FirstRun {
  /** True from when the window was seen empty until all is done or the person has enough of it. */
  active = $state(false)
  starting = $state(false)
  /** Why the demo did not start. */
  problem = $state.raw<Problem | null>(null)

  readonly step = $derived.by(() => {
    if (this.#servers.list.length === 0) return 1
    return this.#servers.signedIn === 0 ? 2 : 3
  })
  /** A client is connected: there is nothing left to lead to. */
  readonly complete = $derived.by(
    () => this.step === 3 && [...this.#clients.found, ...this.#clients.others].some((c) => c.entries.length > 0),
  )

  readonly #api: Pick<Api, 'tryDemo'>
  readonly #servers: Servers
  readonly #clients: Clients

  constructor(api: Pick<Api, 'tryDemo'>, servers: Servers, clients: Clients) {
    this.#api = api
    this.#servers = servers
    this.#clients = clients
  }

  /** The built-in demo is a server like any other, one step nearer. */
  async tryDemo(): Promise<void> {
    if (this.starting) return
    this.starting = true
    this.problem = null
    try {
      await this.#api.tryDemo()
    } catch (thrown) {
      this.problem = problemOf(thrown)
    } finally {
      this.starting = false
    }
  }
}
