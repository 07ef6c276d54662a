import { signingInByCode } from './fakeDevice'
import type { Difference, MemberChange, Problem, Report, Server, State, TokenAnswer } from './types'

// What the fake agent has and says; see fake.ts.

/** What the fake starts with; `?scene=` in the address chooses one. */
export type Scene =
  | 'mixed'
  | 'empty'
  | 'loading'
  | 'away'
  | 'no_keychain'
  | 'long'
  | 'opaque'
  | 'single'
  | 'three'
  | 'accounts'
  | 'device'

export const noKeychain: Problem = {
  code: 'no_keychain',
  what: 'The keychain of this desktop session is not there, so nothing can be stored safely.',
  next: 'Install and unlock GNOME Keyring, KWallet or KeePassXC, then sign in.',
}

export const notRevoked: Problem = {
  code: 'unreachable',
  what: 'You are signed out here, but the provider could not be told: auth.example.com does not answer.',
  next: 'If this computer is not yours, end the session on the provider\u2019s own page too.',
}

export const authorizeURL =
  'https://auth.example.com/authorize?response_type=code&client_id=5f0c7a52&redirect_uri=http%3A%2F%2F127.0.0.1%3A41231%2Fcallback&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&state=af0ifjsldkj&resource=https%3A%2F%2Fmcp.example.com%2Fmcp'

export const ada = { subject: 'u-1815', email: 'ada@example.com', name: 'Ada Lovelace', tenant: '' }
export const grace = { subject: 'u-1906', email: 'grace@navy.example', name: 'Grace Hopper', tenant: 'navy' }
const nobody = { subject: '', email: '', name: '', tenant: '' }

export function make(name: string, url: string, state: State, more: Partial<Server> = {}): Server {
  return {
    key: name.toLowerCase(),
    name,
    url,
    account: 'default',
    label: name,
    default: true,
    named: true,
    state,
    problem: null,
    identity: nobody,
    issuer: '',
    scopes: [],
    issuedAt: null,
    expiresAt: null,
    renewable: false,
    refreshedAt: null,
    connection: { proxy: '', caFile: '' },
    era: '',
    transport: '',
    kept: state === 'signed_in' || state === 'trouble' || state === 'sign_in_needed',
    registers: true,
    signIn: null,
    ...more,
  }
}

/** Another account of a server. */
export function makeAccount(
  name: string,
  url: string,
  account: string,
  state: State,
  more: Partial<Server> = {},
): Server {
  const label = `${name} (${account})`
  return make(name, url, state, { key: `${name.toLowerCase()}@${account}`, account, label, default: false, ...more })
}

export function signedIn(from: number, to: number): Partial<Server> {
  return {
    state: 'signed_in',
    problem: null,
    signIn: null,
    identity: ada,
    issuer: 'https://auth.example.com',
    scopes: ['mcp:tools', 'mcp:resources', 'offline_access'],
    issuedAt: new Date(from).toISOString(),
    expiresAt: new Date(to).toISOString(),
    refreshedAt: new Date(from).toISOString(),
    renewable: true,
    era: '2025-11-25',
    transport: 'streamable-http',
    kept: true,
  }
}

const s = 1000
const long = 'a-rather-long-name-that-somebody-gave.to-a-server_and-did-not-mind'

export const scenes: Record<Scene, (now: number) => Server[]> = {
  empty: () => [],
  loading: () => [],
  away: () => [],
  single: (now) => [make('demo', 'http://127.0.0.1:4100/mcp', 'signed_in', signedIn(now - 5 * s, now + 50 * s))],
  no_keychain: () => [make('demo', 'http://127.0.0.1:4100/mcp', 'signed_out')],
  opaque: (now) => [make('github', 'https://api.githubcopilot.com/mcp/', 'signed_in', signedIn(now, now + 3600 * s))],
  three: (now) => [
    make('issues', 'https://issues.example.com/mcp', 'signed_in', signedIn(now - 1204 * s, now + 2396 * s)),
    make('wiki', 'https://wiki.example.com/mcp', 'sign_in_needed', {
      identity: ada,
      problem: {
        code: 'sign_in_needed',
        what: 'The sign-in has ended: the server no longer accepts it.',
        next: 'Sign in again; your MCP clients go on by themselves afterwards.',
      },
    }),
    make('builds', 'https://builds.example.com/mcp', 'signed_in', signedIn(now - 65 * s, now - 5 * s)),
  ],
  device: (now) => [signingInByCode(now)],
  accounts: (now) => [
    make('issues', 'https://issues.example.com/mcp', 'signed_in', {
      ...signedIn(now - 1204 * s, now + 2396 * s),
      label: 'issues (default)',
    }),
    makeAccount('issues', 'https://issues.example.com/mcp', 'work', 'signed_in', {
      ...signedIn(now - 304 * s, now + 3296 * s),
      identity: grace,
    }),
    make('wiki', 'https://wiki.example.com/mcp', 'signed_in', signedIn(now - 65 * s, now + 535 * s)),
  ],
  mixed: (now) => [
    make('demo', 'http://127.0.0.1:4100/mcp', 'signed_in', signedIn(now - 40 * s, now + 1712 * s)),
    make('linear', 'https://mcp.linear.app/mcp', 'sign_in_needed', {
      identity: { ...ada, email: 'ada@engine.example' },
      problem: {
        code: 'sign_in_needed',
        what: 'The sign-in has ended: the server no longer accepts it.',
        next: 'Sign in again; your MCP clients go on by themselves afterwards.',
      },
    }),
    make('notion', 'https://mcp.notion.com/mcp', 'trouble', {
      ...signedIn(now - 4000 * s, now - 400 * s),
      state: 'trouble',
      problem: {
        code: 'unreachable',
        what: 'The token could not be renewed: auth.notion.example does not answer.',
        next: 'Check the network; Drawbridge tries again by itself.',
      },
    }),
    make('sentry', 'https://mcp.sentry.dev/mcp', 'signing_in', {
      signIn: {
        id: 'signin-0',
        startedAt: new Date(now).toISOString(),
        url: authorizeURL,
        browserOpened: true,
        endsAt: null,
        qr: null,
        done: false,
        problem: null,
      },
    }),
    make('archive', 'https://archive.example.com/mcp', 'signed_in', signedIn(now - 65 * s, now - 5 * s)),
    make('wiki', 'https://wiki.example.com/mcp', 'signed_out'),
  ],
  long: (now) => [
    make(long, `https://mcp.${'very-'.repeat(12)}long.example.com/${'path/'.repeat(20)}mcp?tenant=42`, 'signed_in', {
      ...signedIn(now - 3600 * s, now + 86_400 * 40 * s),
      identity: {
        subject: 'x',
        email: `${'somebody.with.a.long.name.'.repeat(4)}@example.com`,
        name: '',
        tenant: 'a-tenant',
      },
    }),
    make('no-browser', 'https://mcp.example.com/mcp', 'signing_in', {
      signIn: {
        id: 'signin-0',
        startedAt: new Date(now).toISOString(),
        url: authorizeURL,
        browserOpened: false,
        endsAt: null,
        qr: null,
        done: false,
        problem: null,
      },
    }),
    make('https://unnamed.example.com/mcp', 'https://unnamed.example.com/mcp', 'signed_in', {
      ...signedIn(now - 100 * s, now + 20 * s),
      named: false,
      renewable: false,
    }),
    make('over', 'https://over.example.com/mcp', 'sign_in_needed', {
      ...signedIn(now - 7200 * s, now - 3600 * s),
      renewable: false,
      state: 'sign_in_needed',
      problem: {
        code: 'sign_in_needed',
        what: `The authorization server answered with a rather long text: ${'it will not do this, '.repeat(8)}so there.`,
        next: 'Sign in again.',
      },
    }),
    ...Array.from({ length: 12 }, (_, i) =>
      make(`team-${i + 1}`, `https://team${i + 1}.example.com/mcp`, 'signed_out'),
    ),
  ],
}

export const opaqueReport: Report = {
  format: 'opaque',
  header: [],
  claims: [],
  headerJson: '',
  claimsJson: '',
  issuer: '',
  subject: '',
  audience: [],
  scopes: [],
  issuedAt: null,
  notBefore: null,
  expiresAt: null,
  signature: { verdict: 'unchecked', algorithm: '', keyId: '', reason: 'Only the server can read an opaque token.' },
  checks: [],
}

export function report(server: Server): Report {
  const issued = server.issuedAt ?? ''
  const expires = server.expiresAt ?? ''
  const seconds = (iso: string) => Math.floor(Date.parse(iso) / 1000)
  const header = { alg: 'ES256', typ: 'at+jwt', kid: 'ed-2026-01' }
  const claims = {
    iss: server.issuer,
    sub: server.identity.subject,
    aud: server.url,
    client_id: '5f0c7a52',
    scope: server.scopes.join(' '),
    iat: seconds(issued),
    nbf: seconds(issued),
    exp: seconds(expires),
    jti: '0b5c9b7e-6a0c-4a49-9d51-9c1c0a4f7a10',
    email: server.identity.email,
    email_verified: true,
    'https://example.com/tenant': { id: 42, plan: 'team', regions: ['eu-west', 'eu-north'] },
  }
  const m = (name: string, title: string, explanation: string, kind: string, value: string) => ({
    name,
    title,
    explanation,
    kind,
    value,
  })
  return {
    format: 'jwt',
    header: [
      m('alg', 'Algorithm', 'How the token is signed.', 'text', header.alg),
      m('typ', 'Type', 'What kind of token this is.', 'text', header.typ),
      m('kid', 'Key ID', 'Which of the issuer\u2019s keys signed it.', 'text', header.kid),
    ],
    claims: [
      m('iss', 'Issuer', 'Who made and signed the token.', 'text', claims.iss),
      m('sub', 'Subject', 'Whom the token is about, as the issuer knows them.', 'text', claims.sub),
      m('aud', 'Audience', 'Which server the token is meant for. Others must refuse it.', 'list', claims.aud),
      m('client_id', 'Client', 'The program that asked for the token.', 'text', claims.client_id),
      m('scope', 'Scope', 'What the token allows.', 'list', claims.scope),
      m('iat', 'Issued at', 'When the token was made.', 'time', issued),
      m('nbf', 'Not before', 'From when on the token counts.', 'time', issued),
      m('exp', 'Expires', 'Until when the token counts.', 'time', expires),
      m('jti', 'Token ID', 'A number of its own for this token.', 'text', claims.jti),
      m('email', 'E-mail', 'The e-mail address of the person.', 'text', claims.email),
      m('email_verified', 'E-mail verified', 'Whether the issuer has checked the address.', 'bool', 'true'),
      m('https://example.com/tenant', '', '', 'json', JSON.stringify(claims['https://example.com/tenant'])),
    ],
    headerJson: JSON.stringify(header, null, 2),
    claimsJson: JSON.stringify(claims, null, 2),
    issuer: server.issuer,
    subject: server.identity.subject,
    audience: [server.url],
    scopes: server.scopes,
    issuedAt: issued,
    notBefore: issued,
    expiresAt: expires,
    signature: { verdict: 'valid', algorithm: 'ES256', keyId: 'ed-2026-01', reason: '' },
    checks: [
      { name: 'iss', ok: true, text: 'The issuer is the one that this server names.' },
      { name: 'aud', ok: true, text: 'The token is meant for this server.' },
      { name: 'exp', ok: Date.parse(expires) > Date.now(), text: `Valid until ${expires.replace('.000Z', 'Z')}.` },
      { name: 'nbf', ok: true, text: 'The token counts already.' },
    ],
  }
}

/** What the provider says of an opaque token. */
export function answerOf(server: Server): TokenAnswer {
  const m = (name: string, title: string, explanation: string, kind: string, value: string) => ({
    name,
    title,
    explanation,
    kind,
    value,
  })
  return {
    active: true,
    claims: [
      m('client_id', 'Client', 'The registered program that the token was issued to.', 'text', '5f0c7a52'),
      m('exp', 'Expires', 'From this moment on the token is refused.', 'time', server.expiresAt ?? ''),
      m('scope', 'Scopes', 'What the token allows.', 'list', server.scopes.join(' ')),
      m('sub', 'Subject', 'Whom the token is about.', 'text', server.identity.subject),
    ],
    problem: null,
    who: server.identity,
    whoProblem: null,
  }
}

/** The token came from a step-up that asked for one scope more. */
export function differenceOf(server: Server): Difference {
  const issued = Date.parse(server.issuedAt ?? '')
  const before = new Date(issued - 1200 * s).toISOString()
  const m = (name: string, title: string, kind: string, was: string, is: string, usual = false): MemberChange => ({
    part: name === 'kid' ? 'header' : 'claims',
    name,
    title,
    kind,
    change: was === '' ? 'added' : is === '' ? 'removed' : 'changed',
    before: was,
    after: is,
    usual,
  })
  return {
    before: { issuedAt: before, expiresAt: server.issuedAt },
    after: { issuedAt: server.issuedAt, expiresAt: server.expiresAt },
    scopesAdded: server.scopes.slice(1, 2),
    scopesRemoved: ['mcp:prompts'],
    scopesKept: server.scopes.filter((_, i) => i !== 1),
    readable: true,
    changes: [
      m('iat', 'Issued', 'time', before, server.issuedAt ?? '', true),
      m('nbf', 'Not before', 'time', before, server.issuedAt ?? '', true),
      m('exp', 'Expires', 'time', server.issuedAt ?? '', server.expiresAt ?? '', true),
      m('jti', 'Token ID', 'text', 'a1', 'b2', true),
      m('acr', 'Sign-in strength', 'text', '', 'urn:example:mfa'),
      m('https://example.com/tenant', '', 'json', '{"id":42,"plan":"free"}', '{"id":42,"plan":"team"}'),
      m('kid', 'Key ID', 'text', 'ed-2025-12', 'ed-2026-01'),
    ],
    same: 6,
  }
}

/** What nobody vouches for: a pasted token. */
export function pastedReport(now: number): Report {
  const read = report(make('mcp', 'https://mcp.example.com/mcp', 'signed_in', signedIn(now - 400 * s, now + 3200 * s)))
  const reason = 'Nobody asked for the signature to be checked.'
  return {
    ...read,
    signature: { ...read.signature, verdict: 'unchecked', reason },
    checks: read.checks.filter((check) => check.name === 'exp' || check.name === 'nbf'),
  }
}
