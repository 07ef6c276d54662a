import type {
  ActivityApi,
  ActivityChange,
  Call,
  CallStatus,
  Captured,
  Exported,
  ExportFormat,
  Renewal,
  Session,
} from './activity'

// The activity of the fake agent: so many calls over the last hour, always the same ones.

const clients = [
  { client: 'Claude Code', clientVersion: '2.1.4', era: '2025-11-25' },
  { client: 'Cursor', clientVersion: '3.0.1', era: '2025-06-18' },
  { client: 'VS Code', clientVersion: '', era: '2026-07-28' },
]
const where = [
  { key: 'demo', server: 'demo' },
  { key: 'notion', server: 'notion' },
  { key: 'archive', server: 'archive' },
]
const calls = [
  ['tools/call', 'search_pages'],
  ['tools/call', 'create_issue'],
  ['tools/list', ''],
  ['resources/read', ''],
  ['tools/call', 'list_projects_with_a_long_name_that_somebody_chose'],
  ['prompts/get', 'summarise'],
] as const

/** Numbers between 0 and 1, the same ones each time (a linear congruential generator). */
function numbers(seed: number): () => number {
  let state = seed
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648
}

/** How long ago a share of an hour was, in ms: busy times and quiet ones, as people make them. */
function hourBefore(share: number): number {
  const wave = (count: number, height: number) =>
    (height * Math.sin(2 * Math.PI * count * share)) / (2 * Math.PI * count)
  return 3_600_000 * (share + wave(3, 0.45) + wave(11, 0.45))
}

function pick<T>(from: readonly T[], by: number): T {
  return from[Math.floor(by * from.length)] as T
}

/** An hour of renewals: on time, late, by a client, failing. */
function renewalsAt(now: number): Renewal[] {
  const at = (seconds: number) => new Date(now + seconds * 1000).toISOString()
  const one = (
    id: number,
    key: string,
    due: number | null,
    done: number | null,
    more: Partial<Renewal> = {},
  ): Renewal => ({
    id,
    key,
    label: key,
    expires: due === null ? null : at(due + 90),
    due: due === null ? null : at(due),
    done: done === null ? null : at(done),
    by: done === null ? '' : 'agent',
    failures: 0,
    lastFailure: '',
    ...more,
  })
  return [
    one(1, 'demo', -5440, -5438),
    one(2, 'demo', -3640, -3485, { failures: 3, lastFailure: 'The authorization server of demo does not answer.' }),
    one(3, 'demo', -1840, -1820, { by: 'client' }),
    one(4, 'notion', -4000, -4000, { by: 'person' }),
    one(5, 'archive', null, -65, { by: 'client' }),
    one(6, 'notion', -460, null, { failures: 2, lastFailure: 'auth.notion.example does not answer.' }),
    one(7, 'archive', null, null),
    one(8, 'demo', 1622, null),
  ]
}

export class FakeActivity implements ActivityApi {
  readonly exported: { format: ExportFormat; seqs: number[] }[] = []

  #listeners = new Set<(change: ActivityChange) => void>()
  #calls: Call[]
  #sessions: Session[]
  #renewals: Renewal[]
  readonly #now: () => number

  constructor(now: () => number, count: number) {
    this.#now = now
    this.#calls = Array.from({ length: count }, (_, i) => this.#make(i + 1, now() - hourBefore((count - i) / count)))
    this.#renewals = count === 0 ? [] : renewalsAt(now())
    this.#sessions = count === 0 ? [] : where.slice(0, 2).flatMap((at, i) => this.#session(at, i))
  }

  // What a test does to it.

  /** Another call ends. */
  call(more: Partial<Call> = {}): void {
    const call = { ...this.#make(this.#calls.length + 1, this.#now()), ...more }
    this.#calls.push(call)
    this.#tell({ reset: false, sessions: null, renewals: null, calls: [call], dropped: 0 })
  }

  setSessions(sessions: Session[]): void {
    this.#sessions = sessions
    this.#tell({ reset: false, sessions, renewals: null, calls: [], dropped: 0 })
  }

  // The Api.

  capture(session: string, on: boolean): Promise<void> {
    this.setSessions(this.#sessions.map((s) => ({ ...s, capturing: on && s.id === session })))
    return Promise.resolve()
  }

  captured(): Promise<Captured> {
    return Promise.resolve({
      arguments:
        '{\n  "name": "search_pages",\n  "arguments": {\n    "query": "budget",\n    "token": "[redacted]"\n  }\n}',
      result: '{\n  "content": [\n    {\n      "type": "text",\n      "text": "3 pages"\n    }\n  ]\n}',
    })
  }

  follow(listener: (change: ActivityChange) => void): () => void {
    this.#listeners.add(listener)
    setTimeout(() => {
      if (!this.#listeners.has(listener)) return
      const pages = Math.max(1, Math.ceil(this.#calls.length / 2000))
      for (let page = 0; page < pages; page++) {
        const calls = this.#calls.slice(page * 2000, (page + 1) * 2000)
        const [sessions, renewals] = page === 0 ? [this.#sessions, this.#renewals] : [null, null]
        listener({ reset: page === 0, sessions, renewals, calls, dropped: 0 })
      }
    })
    return () => this.#listeners.delete(listener)
  }

  export(format: ExportFormat, seqs: number[]): Promise<Exported> {
    this.exported.push({ format, seqs })
    return Promise.resolve({ path: `/home/ada/drawbridge-activity.${format}`, calls: seqs.length })
  }

  #tell(change: ActivityChange) {
    for (const listener of this.#listeners) listener(change)
  }

  #make(seq: number, at: number): Call {
    const next = numbers(seq * 7919)
    next()
    const [method, tool] = pick(calls, next())
    const by = next()
    const status: CallStatus =
      by > 0.985 ? 'failed' : by > 0.96 ? 'tool_error' : by > 0.95 ? 'error' : by > 0.94 ? 'cancelled' : 'ok'
    const reason = status === 'failed' ? 'unreachable' : status === 'error' ? '-32602' : ''
    const took = Math.round((20 + 400 * next() ** 4 + (status === 'failed' ? 5000 : 0)) * 10) / 10
    const { client } = pick(clients, next())
    const { key, server } = pick(where, next())
    return {
      seq,
      at: new Date(at).toISOString(),
      session: `${key}-${client}`,
      key,
      server,
      account: 'default',
      client,
      method,
      tool,
      took,
      status,
      reason,
    }
  }

  #session(at: { key: string; server: string }, i: number): Session[] {
    return clients.slice(0, 2 - i).map((who, j) => ({
      id: `${at.key}-${who.client}`,
      ...at,
      ...who,
      account: 'default',
      front: 'stdio',
      transport: 'streamable-http',
      pid: 4100 + j,
      since: new Date(this.#now() - (j + 1) * 1_500_000).toISOString(),
      calls: 42 * (j + 1),
      failures: i,
      canCapture: true,
      capturing: false,
      lastCall: new Date(this.#now() - 12_000).toISOString(),
      lastFailure: i === 0 ? '' : 'tools/call search_pages: unreachable',
    }))
  }
}
