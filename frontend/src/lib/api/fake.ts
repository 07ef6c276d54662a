import { ApiError, type Api, type Change, type Listener, type Problem } from './types'
import type { NewServer, Report, Server, SignIn, Snapshot, State } from './types'

// An agent in the page, for `npm run dev` and the tests. It keeps servers, takes
// time over a sign-in and renews tokens, so that every screen can be seen
// without Go. It is no part of the real build.

/** What the fake starts with; `?scene=` in the address chooses one. */
export type Scene = 'mixed' | 'empty' | 'loading' | 'away' | 'no_keychain' | 'long' | 'opaque' | 'single'

interface Options {
  scene?: Scene
  now?: () => number
  /** How long a sign-in takes, in ms; null: until finishSignIn is called. */
  signInTime?: number | null
  /** Lifetime of a token after a sign-in, in ms. */
  tokenTime?: number
}

const away: Problem = {
  code: 'agent_away',
  what: "Drawbridge's agent is not running and could not be started.",
  next: 'Try again; if it stays away, run `drawbridge agent` in a terminal to see why.',
}

export class Fake implements Api {
  readonly copied: string[] = []

  #listeners = new Set<Listener>()
  #servers: Server[]
  #seq = 1
  #signIns = 0
  #isAway: boolean
  readonly #options: Required<Options>

  constructor(options: Options = {}) {
    this.#options = { scene: 'mixed', now: Date.now, signInTime: 2500, tokenTime: 15_000, ...options }
    this.#isAway = this.#options.scene === 'away'
    this.#servers = scenes[this.#options.scene](this.#options.now())
  }

  // What a test does to it.

  /** The agent goes away. */
  goAway(problem: Problem = away): void {
    this.#isAway = true
    this.#tell((l) => l.away(problem))
  }

  /** Another agent takes over; its sequence numbers start anew. */
  comeBack(): void {
    this.#isAway = false
    this.#seq = 1
    this.#tell((l) => l.connected())
    this.emit({ seq: this.#seq, snapshot: this.#snapshot() })
  }

  emit(change: Change): void {
    this.#tell((l) => l.changed(change))
  }

  /** Changes one server and tells of it. */
  update(key: string, change: Partial<Server>): void {
    const old = this.#servers.find((s) => s.key === key)
    if (old === undefined) return
    const server = { ...old, ...change }
    this.#servers = this.#servers.map((s) => (s.key === key ? server : s))
    this.emit({ seq: ++this.#seq, server })
  }

  finishSignIn(key: string): void {
    const now = this.#options.now()
    this.update(key, {
      ...signedIn(now, now + this.#options.tokenTime),
      identity: ada,
    })
  }

  // The Api.

  snapshot(): Promise<Snapshot> {
    if (this.#options.scene === 'loading') return new Promise(() => undefined)
    return this.#answer(() => this.#snapshot())
  }

  addServer(added: NewServer): Promise<Server> {
    return this.#answer(() => {
      if (this.#servers.some((s) => s.name === added.name)) {
        throw new ApiError({
          code: 'server_exists',
          what: `There is a server named "${added.name}" already.`,
          next: 'Choose another name, or remove it first.',
        })
      }
      const server = make(added.name, added.url, 'signed_out')
      this.#servers = [...this.#servers, server]
      this.emit({ seq: ++this.#seq, server })
      return server
    })
  }

  removeServer(name: string): Promise<Problem | null> {
    return this.#answer(() => {
      const server = this.#servers.find((s) => s.name === name)
      this.#servers = this.#servers.filter((s) => s.name !== name)
      if (server) this.emit({ seq: ++this.#seq, removed: server.key })
      return null
    })
  }

  startSignIn(key: string): Promise<SignIn> {
    return this.#answer(() => {
      const signIn: SignIn = {
        id: `signin-${++this.#signIns}`,
        startedAt: new Date(this.#options.now()).toISOString(),
        url: '',
        browserOpened: false,
        done: false,
        problem: null,
      }
      this.update(key, { state: 'signing_in', problem: null, signIn })
      const stillOn = () => this.#servers.find((s) => s.key === key)?.signIn?.id === signIn.id
      setTimeout(() => {
        if (stillOn()) this.update(key, { signIn: { ...signIn, url: authorizeURL, browserOpened: true } })
      }, 400)
      const time = this.#options.signInTime
      if (time !== null) setTimeout(() => stillOn() && this.finishSignIn(key), time)
      return signIn
    })
  }

  cancelSignIn(id: string): Promise<void> {
    return this.#answer(() => {
      const server = this.#servers.find((s) => s.signIn?.id === id)
      if (server) this.update(server.key, { state: 'signed_out', signIn: null })
    })
  }

  signOut(key: string): Promise<Problem | null> {
    return this.#answer(() => {
      const server = this.#servers.find((s) => s.key === key)
      if (server) this.update(key, make(server.name, server.url, 'signed_out'))
      return server?.name === 'archive' ? notRevoked : null
    })
  }

  token(key: string): Promise<Report> {
    return this.#answer(() => {
      const server = this.#servers.find((s) => s.key === key)
      if (server?.expiresAt == null || server.issuedAt === null) {
        throw new ApiError({ code: 'not_signed_in', what: 'Nobody is signed in here.', next: 'Sign in first.' })
      }
      return this.#options.scene === 'opaque' ? opaqueReport : report(server)
    })
  }

  reconnect(): Promise<void> {
    return Promise.resolve()
  }

  copyText(text: string): Promise<void> {
    this.copied.push(text)
    return Promise.resolve()
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(what: (listener: Listener) => void) {
    for (const listener of this.#listeners) what(listener)
  }

  #snapshot(): Snapshot {
    const problem = this.#options.scene === 'no_keychain' ? noKeychain : null
    return { seq: this.#seq, version: '0.0.0-fake', servers: this.#servers, problem }
  }

  async #answer<T>(make: () => T): Promise<T> {
    await Promise.resolve()
    if (this.#isAway) throw new ApiError(away)
    return make()
  }
}

const noKeychain: Problem = {
  code: 'no_keychain',
  what: 'The keychain of this desktop session is not there, so nothing can be stored safely.',
  next: 'Install and unlock GNOME Keyring, KWallet or KeePassXC, then sign in.',
}

const notRevoked: Problem = {
  code: 'unreachable',
  what: 'You are signed out here, but the provider could not be told: auth.example.com does not answer.',
  next: 'If this computer is not yours, end the session on the provider\u2019s own page too.',
}

const authorizeURL =
  'https://auth.example.com/authorize?response_type=code&client_id=5f0c7a52&redirect_uri=http%3A%2F%2F127.0.0.1%3A41231%2Fcallback&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&state=af0ifjsldkj&resource=https%3A%2F%2Fmcp.example.com%2Fmcp'

const ada = { subject: 'u-1815', email: 'ada@example.com', name: 'Ada Lovelace' }
const nobody = { subject: '', email: '', name: '' }

function make(name: string, url: string, state: State, more: Partial<Server> = {}): Server {
  return {
    key: name.toLowerCase(),
    name,
    url,
    account: 'default',
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
    signIn: null,
    ...more,
  }
}

function signedIn(from: number, to: number): Partial<Server> {
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
  }
}

const s = 1000
const long = 'a-rather-long-name-that-somebody-gave.to-a-server_and-did-not-mind'

const scenes: Record<Scene, (now: number) => Server[]> = {
  empty: () => [],
  loading: () => [],
  away: () => [],
  single: (now) => [make('demo', 'http://127.0.0.1:4100/mcp', 'signed_in', signedIn(now - 5 * s, now + 10 * s))],
  no_keychain: () => [make('demo', 'http://127.0.0.1:4100/mcp', 'signed_out')],
  opaque: (now) => [make('github', 'https://api.githubcopilot.com/mcp/', 'signed_in', signedIn(now, now + 3600 * s))],
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
      identity: { subject: 'x', email: `${'somebody.with.a.long.name.'.repeat(4)}@example.com`, name: '' },
    }),
    make('no-browser', 'https://mcp.example.com/mcp', 'signing_in', {
      signIn: {
        id: 'signin-0',
        startedAt: new Date(now).toISOString(),
        url: authorizeURL,
        browserOpened: false,
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

const opaqueReport: Report = {
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

function report(server: Server): Report {
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

declare global {
  interface Window {
    /** For the tests that run a page with the fake in it. */
    fake?: Fake
  }
}

/** The fake with what the page's address asks for: `?scene=empty&signInTime=never`. */
export function fakeFromAddress(): Fake {
  const query = new URLSearchParams(location.search)
  const options: Options = {}
  const scene = query.get('scene')
  if (scene !== null && scene in scenes) options.scene = scene as Scene
  const signInTime = query.get('signInTime')
  if (signInTime !== null) options.signInTime = signInTime === 'never' ? null : Number(signInTime)
  window.fake = new Fake(options)
  return window.fake
}
