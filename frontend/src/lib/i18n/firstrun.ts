/** What leads to the first server that is signed in, and to its first client. */
export const firstrun = {
  title: 'Three steps to begin with',
  steps: {
    add: 'Paste the address',
    addHint: 'Of a remote MCP server, from its documentation.',
    signIn: 'Sign in, once',
    signInHint: 'In your own browser. Drawbridge renews it from then on.',
    connect: 'Connect a client',
    connectHint: 'Claude, Cursor, VS Code and others: one click each, with a preview.',
  },
  done: 'Done:',
  present: 'Now:',
  connectNow: 'Connect a client',
  later: 'Not now',
  demo: 'Try the built-in demo',
  demoHint: 'A demo server on this computer: no account, no network.',
  starting: 'Starting the demo\u2026',
}
