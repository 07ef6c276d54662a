import type {
  ActivityApi,
  ActivityChange,
  Call,
  Captured,
  CallStatus,
  ExportFormat,
  Exported,
  Renewal,
  Session,
} from '@/lib/api/activity'

/** A call as it is kept: with its time as a number, to be compared. */
export interface Row extends Omit<Call, 'at'> {
  /** In ms since 1970. */
  readonly at: number
}

export interface Filter {
  /** Words that client, server, account, method, tool and reason must have among them. */
  readonly words: string
  readonly status: 'all' | 'failed' | CallStatus
  /** A server's name, "" for all. */
  readonly server: string
}

export const everything: Filter = { words: '', status: 'all', server: '' }

/** As many as the agent remembers. */
const most = 100_000
/** The oldest go in bunches of this many, since moving the others costs. */
const bunch = 5_000

export function isFailure(status: CallStatus): boolean {
  return status !== 'ok' && status !== 'cancelled'
}

/** What clients do: sessions and calls, and those of the calls that the person wants to see. */
export class Activity {
  /** Whether the agent has told of it. */
  ready = $state(false)
  sessions = $state.raw<readonly Session[]>([])
  /** Of tokens, oldest first, those to come too. */
  renewals = $state.raw<readonly Renewal[]>([])
  /** Calls that nobody told the agent, since it was slow. */
  dropped = $state(0)

  /** Counts the changes of the two below, which are too long to be watched themselves. */
  #version = $state(0)
  #calls: Row[] = []
  #shown: Row[] = []
  #filter = $state.raw<Filter>(everything)
  #paused = $state(false)
  /** The last call when the pause began. */
  #until = 0
  #names = Object.create(null) as Record<string, string>
  readonly #api: ActivityApi

  constructor(api: ActivityApi) {
    this.#api = api
  }

  /** Follows the agent until the returned function is called. */
  start(): () => void {
    return this.#api.follow((change) => this.#take(change))
  }

  /** All calls, oldest first. It is the same list each time, with other calls in it. */
  get calls(): readonly Row[] {
    return this.#version < 0 ? [] : this.#calls
  }

  /** Those that fit the filter, as of the pause if there is one; oldest first. */
  get shown(): readonly Row[] {
    return this.#version < 0 ? [] : this.#shown
  }

  get filter(): Filter {
    return this.#filter
  }

  set filter(filter: Filter) {
    this.#filter = filter
    this.#sift()
  }

  get paused(): boolean {
    return this.#paused
  }

  set paused(paused: boolean) {
    this.#paused = paused
    this.#until = this.#calls.at(-1)?.seq ?? 0
    this.#sift()
  }

  /** How many calls have come since the pause began. */
  behind(): number {
    return this.#paused ? Math.max(0, (this.calls.at(-1)?.seq ?? 0) - this.#until) : 0
  }

  /** The sessions of one credential. */
  sessionsOf(key: string): Session[] {
    return this.sessions.filter((s) => s.key === key)
  }

  /** The session that is captured now. */
  get capturing(): Session | undefined {
    return this.sessions.find((s) => s.capturing)
  }

  /** Begins or ends a capture; it rejects with an ApiError. So does the one below. */
  capture(session: string, on: boolean): Promise<void> {
    return this.#api.capture(session, on)
  }

  /** What a call was about. */
  captured(seq: number): Promise<Captured> {
    return this.#api.captured(seq)
  }

  /** The names of the servers that calls went to, in order. */
  servers(): string[] {
    const names: Record<string, true> = {}
    for (const { server } of this.calls) names[server] = true
    return Object.keys(names).sort()
  }

  /** Writes what is shown to a file that the person chooses. It rejects with an ApiError. */
  export(format: ExportFormat): Promise<Exported> {
    return this.#api.export(
      format,
      this.shown.map((c) => c.seq),
    )
  }

  #take(change: ActivityChange) {
    this.ready = true
    if (change.reset) {
      this.renewals = []
      this.#calls = []
      this.#shown = []
      this.#until = 0
      this.#names = Object.create(null) as Record<string, string>
    }
    if (change.sessions) this.sessions = change.sessions
    if (change.renewals) this.renewals = change.renewals
    this.dropped = change.dropped
    if (change.calls.length === 0 && !change.reset) return
    const fits = this.#fits()
    for (const call of change.calls) {
      const row = this.#keep(call)
      this.#calls.push(row)
      if (!this.#paused && fits(row)) this.#shown.push(row)
    }
    this.#trim()
    this.#publish()
  }

  #sift() {
    const fits = this.#fits()
    const until = this.#paused ? this.#until : Infinity
    this.#shown = this.#calls.filter((row) => row.seq <= until && fits(row))
    this.#publish()
  }

  #publish() {
    this.#version++
  }

  #trim() {
    if (this.#calls.length <= most + bunch) return
    this.#calls.splice(0, this.#calls.length - most)
    const first = this.#calls[0]?.seq ?? 0
    const kept = this.#shown.findIndex((row) => row.seq >= first)
    this.#shown = kept < 0 ? [] : this.#shown.slice(kept)
  }

  /** Few names, many calls: each name is kept once. */
  #keep(call: Call): Row {
    const one = (name: string) => (this.#names[name] ??= name)
    return {
      seq: call.seq,
      at: Date.parse(call.at),
      session: one(call.session),
      key: one(call.key),
      server: one(call.server),
      account: one(call.account),
      client: one(call.client),
      method: one(call.method),
      tool: one(call.tool),
      took: call.took,
      status: call.status,
      reason: one(call.reason),
      captured: call.captured ?? false,
    }
  }

  #fits(): (row: Row) => boolean {
    const { status, server } = this.#filter
    const words = this.#filter.words.toLowerCase().split(/\s+/).filter(Boolean)
    return (row) => {
      if (server !== '' && row.server !== server) return false
      if (status === 'failed' ? !isFailure(row.status) : status !== 'all' && row.status !== status) return false
      if (words.length === 0) return true
      const text = `${row.client} ${row.server} ${row.account} ${row.method} ${row.tool} ${row.reason}`.toLowerCase()
      return words.every((word) => text.includes(word))
    }
  }
}
