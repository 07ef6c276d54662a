import { SvelteMap, SvelteSet } from 'svelte/reactivity'
import { problemOf, type Api, type Change, type NewServer, type Problem } from '@/lib/api/types'
import type { Preferences } from '@/lib/api/preferences'
import type { Outcome, Server, Snapshot } from '@/lib/api/types'

/** Whether the agent can be heard. */
export type Link = { kind: 'connecting' } | { kind: 'connected' } | { kind: 'away'; problem: Problem }

/** What an action leaves to be said: it failed, or it was not done wholly. */
export interface Note {
  kind: 'bad' | 'warn'
  problem: Problem
}

/** The servers as the agent tells of them, and what a person can do to them. */
export class Servers {
  link = $state.raw<Link>({ kind: 'connecting' })
  list = $state.raw<Server[]>([])
  /** What keeps the agent as a whole from working. */
  problem = $state.raw<Problem | null>(null)

  /** How tray and window behave; null until the agent has said so. */
  preferences = $state.raw<Preferences | null>(null)
  /** The built-in demo is installed. */
  demo = $state(false)
  /** The agent's. */
  version = $state('')

  /** Keys of the servers for which something is on its way to the agent. */
  readonly busy = new SvelteSet<string>()
  /** What the last action on a server leaves to be said, by key. */
  readonly notes = new SvelteMap<string, Note>()
  /** The same of a server that is not there any more. */
  farewell = $state.raw<Problem | null>(null)

  readonly signedIn = $derived(this.list.filter((s) => s.state === 'signed_in').length)
  /** Those that signing out everywhere ends, whether they still work or not. */
  readonly kept = $derived(this.list.filter((s) => s.kept))
  /** Those that wait for a person. */
  readonly waiting = $derived(this.list.filter((s) => s.state === 'sign_in_needed' || s.state === 'trouble'))

  readonly #api: Api
  /** Sequence number of the last change that was taken. */
  #seq = -1
  /** Counts the agents: an answer of an earlier one is stale. */
  #agent = 0

  constructor(api: Api) {
    this.#api = api
  }

  /** Follows the agent until the returned function is called. */
  start(): () => void {
    const end = this.#api.subscribe({
      connected: () => {
        this.#agent++
        this.#seq = -1
      },
      changed: (change) => this.#change(change),
      away: (problem) => {
        this.link = { kind: 'away', problem }
      },
    })
    void this.#pull()
    return end
  }

  /** Looks for the agent again now. */
  async retry(): Promise<void> {
    this.link = { kind: 'connecting' }
    try {
      await this.#api.reconnect()
    } finally {
      await this.#pull()
    }
  }

  find(key: string): Server | undefined {
    return this.list.find((s) => s.key === key)
  }

  /** All accounts of the server that this one is of, itself included. */
  accountsOf(server: Server): Server[] {
    return this.list.filter((s) => s.named === server.named && s.name === server.name)
  }

  /** Adds a server. It rejects with an ApiError, which belongs into the form. */
  async add(server: NewServer): Promise<Server> {
    const added = await this.#api.addServer(server)
    if (!this.find(added.key)) this.list = [...this.list, added]
    return added
  }

  /** Begins to sign in to another account. It rejects with an ApiError, which belongs into the form. */
  async addAccount(server: Server, account: string): Promise<void> {
    await this.#api.addAccount(server.name, account)
  }

  /** Resolves to whether the server is gone, with all its accounts. */
  remove(server: Server): Promise<boolean> {
    return this.#remove(server.key, () => this.#api.removeServer(server.name))
  }

  /** Resolves to whether the account is gone. */
  removeAccount(account: Server): Promise<boolean> {
    return this.#remove(account.key, () => this.#api.removeAccount(account.key))
  }

  async #remove(key: string, ask: () => Promise<Problem | null>): Promise<boolean> {
    this.farewell = null
    await this.#act(key, async () => {
      this.farewell = await ask()
      return null
    })
    return !this.notes.has(key)
  }

  signIn(key: string): Promise<void> {
    return this.#act(key, async () => {
      await this.#api.startSignIn(key)
      return null
    })
  }

  /** Begins anew with a code for a browser on any device. */
  signInByCode(key: string): Promise<void> {
    return this.#act(key, async () => {
      await this.#api.signInByCode(key)
      return null
    })
  }

  /** Registers anew at the provider and begins anew. */
  registerAnew(key: string): Promise<void> {
    return this.#act(key, async () => {
      await this.#api.registerAnew(key)
      return null
    })
  }

  cancelSignIn(server: Server): Promise<void> {
    const id = server.signIn?.id
    return id === undefined
      ? Promise.resolve()
      : this.#act(server.key, async () => {
          await this.#api.cancelSignIn(id)
          return null
        })
  }

  signOut(key: string): Promise<void> {
    return this.#act(key, () => this.#api.signOut(key))
  }

  /**
   * Ends every sign-in. What went wrong with one is kept to be shown with it, too:
   * the person may not have waited. It rejects with an ApiError, which belongs
   * into the dialog.
   */
  async signOutEverywhere(): Promise<Outcome[]> {
    this.notes.clear()
    this.farewell = null
    const outcomes = await this.#api.signOutEverywhere()
    for (const { key, problem, stays } of outcomes) {
      if (!problem) continue
      if (this.find(key)) this.notes.set(key, { kind: stays ? 'bad' : 'warn', problem })
      else this.farewell = problem
    }
    return outcomes
  }

  /** Asks the agent something about one server; a failure or a warning is kept to be shown with it. */
  async #act(key: string, ask: () => Promise<Problem | null>): Promise<void> {
    if (this.busy.has(key)) return // a second click
    this.busy.add(key)
    this.notes.delete(key)
    try {
      const problem = await ask()
      if (problem) this.notes.set(key, { kind: 'warn', problem })
    } catch (thrown) {
      this.notes.set(key, { kind: 'bad', problem: problemOf(thrown) })
    } finally {
      this.busy.delete(key)
    }
  }

  async #pull(): Promise<void> {
    const agent = this.#agent
    try {
      const snapshot = await this.#api.snapshot()
      if (agent === this.#agent) this.#take(snapshot)
    } catch (thrown) {
      if (agent === this.#agent) this.link = { kind: 'away', problem: problemOf(thrown) }
    }
  }

  #change(change: Change) {
    if (change.snapshot) {
      this.#take(change.snapshot)
      return
    }
    if (change.seq <= this.#seq) return
    this.#seq = change.seq
    if (change.removed !== undefined) {
      this.list = this.list.filter((s) => s.key !== change.removed)
      this.notes.delete(change.removed)
    }
    const server = change.server
    if (server === undefined) return
    this.list = this.find(server.key)
      ? this.list.map((s) => (s.key === server.key ? server : s))
      : [...this.list, server]
  }

  #take(snapshot: Snapshot) {
    this.link = { kind: 'connected' }
    if (snapshot.seq < this.#seq) return
    this.#seq = snapshot.seq
    this.list = snapshot.servers
    this.problem = snapshot.problem
    this.preferences = snapshot.preferences
    this.version = snapshot.version
    this.demo = snapshot.demo
  }
}
