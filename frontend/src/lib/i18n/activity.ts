import type { CallStatus } from '@/lib/api/activity'

const n = new Intl.NumberFormat()

/** The activity screen. */
export const activity = {
  title: 'Activity',
  lead: 'What your MCP clients ask for. Arguments and results are not kept.',
  leadCapturing: 'What your MCP clients ask for. Arguments and results of one session are kept for now.',
  loading: 'Asking the agent what it remembers\u2026',
  emptyTitle: 'No calls yet',
  empty: 'As soon as an MCP client uses a server through Drawbridge, each of its calls stands here.',
  views: 'View',
  calls: 'Calls',
  charts: 'Charts',
  renewals: 'Renewals',
  filter: 'Filter calls',
  filterHint: 'Client or tool\u2026',
  status: 'Status',
  server: 'Server',
  allServers: 'All servers',
  statuses: {
    all: 'All outcomes',
    failed: 'All that failed',
    ok: 'Done',
    tool_error: 'Tool error',
    error: 'Server error',
    cancelled: 'Cancelled',
  },
  outcome: {
    ok: 'Done',
    tool_error: 'Tool error',
    error: 'Server error',
    failed: 'Not reached',
    cancelled: 'Cancelled',
  } satisfies Record<CallStatus, string>,
  outcomeMeans: {
    ok: 'The server answered.',
    tool_error: 'The server answered with a result that says it is an error (isError).',
    error: 'The server answered with a JSON-RPC error.',
    failed: 'The server could not be asked.',
    cancelled: 'The client took the call back.',
  } satisfies Record<CallStatus, string>,
  pause: 'Pause',
  resume: 'Resume',
  behind: (count: number) => (count === 1 ? '1 new call' : `${n.format(count)} new calls`),
  exportCsv: 'Export CSV',
  exportJson: 'Export JSON',
  exported: (count: number, path: string) =>
    `${count === 1 ? '1 call' : `${n.format(count)} calls`} written to ${path}.`,
  count: (shown: number, all: number) =>
    shown === all ? `${n.format(all)} ${all === 1 ? 'call' : 'calls'}` : `${n.format(shown)} of ${n.format(all)} calls`,
  dropped: (count: number) => `${n.format(count)} more were not told to the agent, which was busy.`,
  nothingFits: 'No call fits the filter.',
  showAll: 'Show all',
  list: 'Calls, newest first',
  columns: { at: 'Time', client: 'Client', server: 'Server', call: 'Call', took: 'Duration', status: 'Status' },
  unknownClient: 'Unknown client',
  ms: (took: number) =>
    took < 1000 ? `${took.toFixed(took < 10 ? 1 : 0)} ms` : `${(took / 1000).toFixed(took < 10_000 ? 2 : 1)} s`,
  perMinute: 'Calls per minute',
  perMinuteNow: (count: number, most: number) =>
    `${n.format(count)} in the last full minute, ${n.format(most)} at most.`,
  latency: 'Time to the answer',
  latencyNow: (half: string, most: string) => `Half within ${half}, 95 of 100 within ${most}, over the last hour.`,
  latencyNone: 'Nothing was answered in the last hour.',
  errors: 'Failures per minute',
  errorsNow: (failed: number, all: number) =>
    failed === 0 ? 'None in the last hour.' : `${n.format(failed)} of ${n.format(all)} calls in the last hour.`,
  half: 'Half of the calls',
  p95: '95 of 100',
  p99: '99 of 100',
}
