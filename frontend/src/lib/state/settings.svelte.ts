import type { Browser, Folder, Places, Preferences, PreferencesApi, PreferencesChange } from '@/lib/api/preferences'
import { problemOf, type Problem } from '@/lib/api/problem'
import type { Servers } from './servers.svelte'

/** The settings of tray and window. */
export class Settings {
  /** What is on its way to the agent: shown as if it counted already. */
  #wishes = $state.raw<PreferencesChange>({})
  /** Why the last change was refused. */
  problem = $state.raw<Problem | null>(null)
  browsers = $state.raw<Browser[]>([])
  places = $state.raw<Places | null>(null)

  /** The newest change of each preference. */
  #newest: Partial<Record<string, PreferencesChange>> = {}
  /** Ends with the answer to the newest change. */
  #sent = Promise.resolve()

  readonly #api: PreferencesApi
  readonly #servers: Servers
  /** null until the agent has said what they are. */
  readonly now: Preferences | null = $derived.by(() =>
    this.#servers.preferences ? { ...this.#servers.preferences, ...this.#wishes } : null,
  )

  constructor(api: PreferencesApi, servers: Servers) {
    this.#api = api
    this.#servers = servers
  }

  /** Asks for what the snapshot does not say. */
  async load(): Promise<void> {
    const [browsers, places] = await Promise.allSettled([this.#api.browsers(), this.#api.places()])
    if (browsers.status === 'fulfilled') this.browsers = browsers.value
    if (places.status === 'fulfilled') this.places = places.value
  }

  /**
   * Each change is sent when the one before is answered: of two made fast one after
   * the other, the agent could take the older one last.
   */
  set(change: PreferencesChange): Promise<void> {
    this.problem = null
    this.#wishes = { ...this.#wishes, ...change }
    this.#newest = { ...this.#newest, ...Object.fromEntries(Object.keys(change).map((name) => [name, change])) }
    this.#sent = this.#sent.then(() => this.#send(change))
    return this.#sent
  }

  async #send(change: PreferencesChange): Promise<void> {
    try {
      this.#servers.preferences = await this.#api.set(change)
    } catch (thrown) {
      this.problem = problemOf(thrown)
    }
    // A wish that was made meanwhile stays.
    this.#wishes = Object.fromEntries(Object.entries(this.#wishes).filter(([name]) => this.#newest[name] !== change))
  }

  async openFolder(folder: Folder): Promise<void> {
    this.problem = null
    try {
      await this.#api.openFolder(folder)
    } catch (thrown) {
      this.problem = problemOf(thrown)
    }
  }
}
