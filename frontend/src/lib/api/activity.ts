// What clients do, as the agent tells of it. As in bridge/control/activity.go and
// app_activity.go: these travel as an event, which Go's generator does not see.

/** One client that is connected now. */
export interface Session {
  id: string
  /** The credential's, as Server.key. */
  key: string
  server: string
  account: string
  client: string
  clientVersion: string
  front: string
  transport: string
  era: string
  pid: number
  /** RFC 3339. */
  since: string
  calls: number
  failures: number
  lastCall: string | null
  lastFailure: string
}

export type CallStatus = 'ok' | 'tool_error' | 'error' | 'failed' | 'cancelled'

/** One call and how it ended. */
export interface Call {
  seq: number
  /** RFC 3339. */
  at: string
  session: string
  key: string
  server: string
  account: string
  client: string
  method: string
  tool: string
  /** In milliseconds. */
  took: number
  status: CallStatus
  reason: string
}

export interface ActivityChange {
  /** What was before is forgotten. */
  reset: boolean
  /** null when nothing about them changed. */
  sessions: Session[] | null
  /** Oldest first. */
  calls: Call[]
  dropped: number
}

export interface Exported {
  /** "" when the person changed their mind. */
  path: string
  calls: number
}

export type ExportFormat = 'json' | 'csv'

export interface ActivityApi {
  /** Tells of everything that is remembered and goes on until the returned function is called. */
  follow(listener: (change: ActivityChange) => void): () => void
  /** Asks the person for a file and writes the calls with these numbers to it. */
  export(format: ExportFormat, seqs: number[]): Promise<Exported>
}
