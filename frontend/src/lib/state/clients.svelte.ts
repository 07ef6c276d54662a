import type { ClientsApi, EntryPreview, EntryResult, MCPClient } from '@/lib/api/clients'
import { problemOf, type Problem } from '@/lib/api/problem'

export type ClientsState =
  { kind: 'loading' } | { kind: 'ready'; list: MCPClient[] } | { kind: 'failed'; problem: Problem }

/** The MCP clients on this computer and what they are connected to. */
export class Clients {
  state = $state.raw<ClientsState>({ kind: 'loading' })
  readonly found = $derived(this.state.kind === 'ready' ? this.state.list.filter((c) => c.found) : [])
  readonly others = $derived(this.state.kind === 'ready' ? this.state.list.filter((c) => !c.found) : [])

  readonly #api: ClientsApi
  #asked = 0

  constructor(api: ClientsApi) {
    this.#api = api
  }

  /** Looks anew. What is on show stays until the answer is there. */
  async load(): Promise<void> {
    const asked = ++this.#asked
    if (this.state.kind === 'failed') this.state = { kind: 'loading' }
    let next: ClientsState
    try {
      next = { kind: 'ready', list: await this.#api.list() }
    } catch (thrown) {
      next = { kind: 'failed', problem: problemOf(thrown) }
    }
    if (asked === this.#asked) this.state = next
  }

  /** A change to the settings of the client with the id, to be looked at first. */
  change(client: string, server: string, remove: boolean): EntryChange {
    return new EntryChange(this.#api, client, server, remove, () => void this.load())
  }
}

export type EntryState =
  | { kind: 'working' }
  /** changed: the file was another one when the change was to be written. */
  | { kind: 'shown'; preview: EntryPreview; changed: boolean }
  /** An entry of the name is there and not Drawbridge's: only a person may replace it. */
  | { kind: 'foreign'; problem: Problem }
  | { kind: 'refused'; problem: Problem }
  | { kind: 'writing'; preview: EntryPreview }
  | { kind: 'done'; result: EntryResult; undoing: boolean; problem: Problem | null }
  | { kind: 'undone'; result: EntryResult }

/** One change to a client's settings: previewed, written as shown or not at all, undone. */
export class EntryChange {
  state = $state.raw<EntryState>({ kind: 'working' })

  readonly server: string
  readonly remove: boolean
  readonly #api: ClientsApi
  readonly #client: string
  readonly #written: () => void
  #replace = false
  #asked = 0

  constructor(api: ClientsApi, client: string, server: string, remove: boolean, written: () => void) {
    this.#api = api
    this.#client = client
    this.server = server
    this.remove = remove
    this.#written = written
  }

  /** Works the change out. replace permits to take the place of somebody else's entry. */
  async preview(replace = false, changed = false): Promise<void> {
    this.#replace = replace
    const asked = ++this.#asked
    this.state = { kind: 'working' }
    let next: EntryState
    try {
      next = { kind: 'shown', preview: await this.#api.preview(this.#ask('')), changed }
    } catch (thrown) {
      const problem = problemOf(thrown)
      next = { kind: problem.code === 'foreign_entry' && !this.remove ? 'foreign' : 'refused', problem }
    }
    if (asked === this.#asked) this.state = next
  }

  /** Writes what is on show. A file that changed meanwhile is left alone and shown anew. */
  async write(): Promise<void> {
    if (this.state.kind !== 'shown') return
    const { preview } = this.state
    this.state = { kind: 'writing', preview }
    try {
      const result = await this.#api.apply(this.#ask(preview.digest))
      this.state = { kind: 'done', result, undoing: false, problem: null }
      this.#written()
    } catch (thrown) {
      const problem = problemOf(thrown)
      if (problem.code === 'file_changed') await this.preview(this.#replace, true)
      else this.state = { kind: 'refused', problem }
    }
  }

  /** Takes back what was written. */
  async undo(): Promise<void> {
    if (this.state.kind !== 'done' || this.state.undoing) return
    const { result } = this.state
    this.state = { kind: 'done', result, undoing: true, problem: null }
    const back = { ...this.#ask(''), remove: !this.remove, replace: false }
    try {
      const { digest } = await this.#api.preview(back)
      this.state = { kind: 'undone', result: await this.#api.apply({ ...back, digest }) }
      this.#written()
    } catch (thrown) {
      this.state = { kind: 'done', result, undoing: false, problem: problemOf(thrown) }
    }
  }

  #ask(digest: string) {
    return { client: this.#client, server: this.server, remove: this.remove, replace: this.#replace, digest }
  }
}
