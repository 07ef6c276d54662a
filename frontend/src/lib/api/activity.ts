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
  /** Whether what its calls are about can be kept, and is. */
  canCapture: boolean
  capturing: boolean
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
  /** What it was about can be asked for. */
  captured?: boolean
}

/** What a call was about: JSON in lines, "" for nothing. */
export interface Captured {
  arguments: string
  result: string
}

/** How one token gives way to the next. */
export interface Renewal {
  id: number
  /** The credential's, as Server.key; the label as there. */
  key: string
  label: string
  /** RFC 3339: the end of the token that is to be renewed; null when unknown. */
  expires: string | null
  /** When the agent means to renew it; null when it leaves that to whoever uses it next. */
  due: string | null
  /** When the next one came; null as long as it has not. */
  done: string | null
  by: '' | 'agent' | 'client' | 'person'
  failures: number
  lastFailure: string
}

export interface ActivityChange {
  /** Oldest first; null when nothing about them changed. */
  renewals: Renewal[] | null

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
  /** Begins or ends to keep what the calls of a session are about. */
  capture(session: string, on: boolean): Promise<void>
  captured(seq: number): Promise<Captured>
  /** Asks the person for a file and writes the calls with these numbers to it. */
  export(format: ExportFormat, seqs: number[]): Promise<Exported>
}
