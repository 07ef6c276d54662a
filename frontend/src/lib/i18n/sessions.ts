const n = new Intl.NumberFormat()

const transports: Record<string, string> = { 'streamable-http': 'Streamable HTTP', 'http+sse': 'HTTP+SSE' }

/** Which clients use a server now, on its card. */
export const sessions = {
  title: (count: number) => (count === 1 ? '1 client uses it now' : `${n.format(count)} clients use it now`),
  none: 'No client uses it now.',
  list: (name: string) => `Clients that use ${name} now`,
  unknownClient: 'A client that has not said its name',
  for: (time: string) => `for ${time}`,
  calls: (count: number) => (count === 0 ? 'no calls yet' : count === 1 ? '1 call' : `${n.format(count)} calls`),
  failures: (count: number) => (count === 1 ? '1 failed' : `${n.format(count)} failed`),
  lastFailure: (what: string) => `Last failure: ${what}`,
  more: (count: number) => `${n.format(count)} more`,
  era: (era: string) => `MCP ${era}`,
  eraTitle: 'The version of MCP that is spoken with the server.',
  transport: (transport: string) => transports[transport] ?? transport,
  transportTitle: 'How Drawbridge reaches the server.',
  scopes: 'Scopes',
  scopesOf: (name: string) => `Scopes granted: ${name}`,
}
