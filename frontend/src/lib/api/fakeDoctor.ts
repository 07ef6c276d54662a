import type { DoctorApi, DoctorLine, DoctorOutcome, DoctorReport, Examination, Found, Patient, Status } from './doctor'
import { ApiError } from './problem'

// The doctor of the fake agent. What it finds depends on the server's name:
// notion lacks PKCE, linear wants a sign-in, sentry does not answer.

interface Options {
  scene: string
  now: () => number
  /** How long a line takes, in ms; null: the sixth never comes. */
  step: number | null
}

const authorization = 'MCP 2025-11-25, authorization'

function line(
  id: string,
  status: Status,
  title: string,
  ref: string,
  got: string,
  remedy = '',
  exchanges: number[] = [],
): DoctorLine {
  return { id, section: id.slice(0, id.indexOf('.')), status, title, ref, got, remedy, exchanges }
}

function walk(host: string, outcome: DoctorOutcome): DoctorLine[] {
  const at = `https://${host}`
  const auth = 'https://auth.example.com'
  const first = line(
    'server.address',
    'ok',
    'The address is an https URL',
    'MCP 2025-11-25, security best practices',
    `${at}/mcp`,
  )
  if (outcome === 'unreachable') {
    return [
      first,
      line(
        'server.answer',
        'failed',
        'A request without a token is answered with 401',
        `RFC 9110 §15.5.2; ${authorization}`,
        `${host} does not answer (dial tcp 203.0.113.7:443: connect: connection refused)`,
        'Check the address and the network, then try again.',
        [1],
      ),
    ]
  }
  const broken = outcome === 'broken'
  return [
    first,
    line(
      'server.answer',
      'ok',
      'A request without a token is answered with 401',
      `RFC 9110 §15.5.2; ${authorization}`,
      'HTTP 401',
      '',
      [1],
    ),
    line(
      'server.challenge',
      'ok',
      'The refusal carries a Bearer challenge',
      'RFC 6750 §3, RFC 9110 §11.6.1',
      `Bearer scope="mcp:tools", resource_metadata="${at}/.well-known/oauth-protected-resource/mcp"`,
      '',
      [1],
    ),
    line(
      'resource.metadata',
      'ok',
      'Its metadata can be found',
      'RFC 9728 §3.1, §5.1',
      `${at}/.well-known/oauth-protected-resource/mcp`,
      '',
      [2],
    ),
    line(
      'resource.identifier',
      'warning',
      'It is about this server, by the same address',
      'RFC 9728 §3.3',
      `"${at}/mcp/", which has a slash at its end that the address lacks`,
      'Tell the server\u2019s operator; Drawbridge accepts it.',
      [2],
    ),
    line(
      'issuer.metadata',
      'ok',
      'Its metadata can be found',
      'RFC 8414 §3.1',
      `${auth}/.well-known/oauth-authorization-server`,
      '',
      [3],
    ),
    line('issuer.identifier', 'ok', 'It calls itself what it was looked up for', 'RFC 8414 §3.3', auth, '', [3]),
    line(
      'issuer.pkce',
      broken ? 'failed' : 'ok',
      'It supports PKCE with S256',
      `RFC 7636 §4.2, RFC 8414 §2; ${authorization}`,
      broken ? 'no code_challenge_methods_supported' : 'code_challenge_methods_supported: S256',
      broken
        ? 'Only the provider can mend that. If it is known to support PKCE all the same: drawbridge add --assume-pkce.'
        : '',
      [3],
    ),
    line(
      'registration.way',
      'ok',
      'There is a way to become known',
      `RFC 7591 §3; ${authorization}`,
      `dynamic registration at ${auth}/register`,
    ),
    line(
      'authorization.account',
      outcome === 'healthy' ? 'ok' : 'skipped',
      'Somebody is signed in',
      authorization,
      outcome === 'healthy'
        ? 'ada@example.com, until 12:28'
        : broken
          ? 'not tried: there is no way to sign in'
          : 'nobody is signed in',
    ),
    line(
      'mcp.initialize',
      outcome === 'healthy' ? 'ok' : 'skipped',
      'It opens a session',
      'MCP 2025-11-25, lifecycle',
      outcome === 'healthy' ? 'Example Notes 2.4.1, MCP 2025-11-25' : 'not tried: nobody is signed in',
      '',
      outcome === 'healthy' ? [4, 5] : [],
    ),
  ]
}

const outcomes: Record<string, DoctorOutcome> = {
  builds: 'broken',
  notion: 'broken',
  linear: 'sign_in_needed',
  sentry: 'unreachable',
}

export class FakeDoctor implements DoctorApi {
  readonly #options: Options

  constructor(options: Options) {
    this.#options = options
  }

  examine(patient: Patient, tell: (line: DoctorLine) => void): Examination {
    let cancelled: (() => void) | undefined
    const over = new Promise<never>((_, reject) => {
      cancelled = () => reject(new ApiError({ code: 'internal', what: 'It was cancelled.', next: '' }))
    })
    over.catch(() => undefined)
    return { report: Promise.race([this.#walk(patient, tell), over]), cancel: () => cancelled?.() }
  }

  async #walk(patient: Patient, tell: (line: DoctorLine) => void): Promise<DoctorReport> {
    const began = this.#options.now()
    const name = 'key' in patient ? patient.key : ''
    const host = 'key' in patient ? `mcp.${name}.example` : hostOf(patient.address)
    const outcome = outcomes[name] ?? (host === 'nobody.example' ? 'unreachable' : 'healthy')
    const lines = walk(host, outcome)
    if (this.#options.scene === 'long') {
      lines.push(
        line(
          'mcp.tools',
          'warning',
          'It lists its tools',
          'MCP 2025-11-25, tools',
          'a-tool-with-a-long-name '.repeat(60),
        ),
      )
    }
    for (const [i, found] of lines.entries()) {
      const { step } = this.#options
      if (step === null && i === 5) await new Promise(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, step ?? 0))
      tell(found)
    }
    const startedAt = new Date(began).toISOString()
    return {
      name,
      url: `https://${host}/mcp`,
      account: 'default',
      version: '0.0.0-fake',
      startedAt,
      millis: 1240,
      outcome,
      lines,
      found: found(host, outcome),
      trace: trace(host, startedAt),
    }
  }
}

/** GitHub wants to be told by hand, others register Drawbridge themselves. */
function found(host: string, outcome: DoctorOutcome): Found {
  const none: Found = {
    name: '',
    provider: '',
    issuer: '',
    registration: '',
    redirectUri: '',
    secret: false,
    scopes: [],
    open: false,
  }
  if (outcome === 'unreachable') return none
  if (host === 'open.example.com') return { ...none, open: true }
  if (host === 'api.githubcopilot.com') {
    const byHand = { registration: 'by_hand', redirectUri: 'http://127.0.0.1:33418/callback', secret: true } as const
    return {
      ...none,
      ...byHand,
      name: 'GitHub MCP Server',
      provider: 'GitHub',
      issuer: 'https://github.com/login/oauth',
    }
  }
  return {
    ...none,
    name: 'Example Notes',
    issuer: 'https://auth.example.com',
    registration: 'dynamic',
    scopes: ['mcp:tools'],
  }
}

function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host : address
}

function trace(host: string, at: string): string {
  return [
    `# drawbridge 0.0.0-fake doctor https://${host}/mcp, ${at}. Secrets are left out; read it before you pass it on.`,
    '',
    `=== 1  ${at}  took 84 ms`,
    `> POST https://${host}/mcp`,
    '> Content-Type: application/json',
    '> MCP-Protocol-Version: 2025-11-25',
    '< HTTP/2.0 401 Unauthorized',
    `< Www-Authenticate: Bearer scope="mcp:tools", resource_metadata="https://${host}/.well-known/oauth-protected-resource/mcp"`,
    '< Set-Cookie: [redacted]',
    '',
  ].join('\n')
}
