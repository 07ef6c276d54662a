import { FakeActivity } from './fakeActivity'
import { FakeClients } from './fakeClients'
import { FakeConnections } from './fakeConnections'
import { byCode } from './fakeDevice'
import { FakeDoctor } from './fakeDoctor'
import { FakePreferences } from './fakePreferences'
import { ApiError, type Api, type Change, type Listener, type Problem } from './types'
import type { Difference, Link, NewServer, Outcome, Report, Server, SignIn, Snapshot, TokenAnswer } from './types'
import {
  ada,
  answerOf,
  authorizeURL,
  differenceOf,
  grace,
  make,
  makeAccount,
  noKeychain,
  notRevoked,
  opaqueReport,
  pastedReport,
  report,
  scenes,
  signedIn,
} from './fakeScenes'
import type { Scene } from './fakeScenes'

// An agent in the page, for `npm run dev` and the tests. It keeps servers, takes
// time over a sign-in and renews tokens, so that every screen can be seen
// without Go. It is no part of the real build.

interface Options {
  scene?: Scene
  now?: () => number
  /** How long a sign-in takes, in ms; null: until finishSignIn is called. */
  signInTime?: number | null
  /** How long each sign-out takes when all are ended, in ms. */
  signOutTime?: number
  /** How long the doctor takes over a line, in ms; null: for ever over the sixth. */
  doctorStep?: number | null
  /** Lifetime of a token after a sign-in, in ms. */
  tokenTime?: number
  /** How many calls clients have made. */
  calls?: number
}

const away: Problem = {
  code: 'agent_away',
  what: "Drawbridge's agent is not running and could not be started.",
  next: 'Try again; if it stays away, run `drawbridge agent` in a terminal to see why.',
}

export class Fake implements Api {
  readonly copied: string[] = []
  readonly clients: FakeClients
  readonly doctor: FakeDoctor
  readonly preferences: FakePreferences
  readonly connections: FakeConnections
  readonly activity: FakeActivity

  #listeners = new Set<Listener>()
  #servers: Server[]
  #seq = 1
  #signIns = 0
  #isAway: boolean
  #link: Link | null = null
  readonly #options: Required<Options>

  constructor(options: Options = {}) {
    this.#options = {
      scene: 'mixed',
      now: Date.now,
      calls: options.scene === 'empty' ? 0 : 240,
      signInTime: 2500,
      signOutTime: 0,
      doctorStep: 0,
      tokenTime: 15_000,
      ...options,
    }
    this.activity = new FakeActivity(this.#options.now, this.#options.calls)
    this.#isAway = this.#options.scene === 'away'
    this.#servers = scenes[this.#options.scene](this.#options.now())
    this.preferences = new FakePreferences(this.#options.scene, () =>
      this.emit({ seq: ++this.#seq, snapshot: this.#snapshot() }),
    )
    this.connections = new FakeConnections(
      (name) => this.#servers.find((s) => s.name === name)?.connection ?? { proxy: '', caFile: '' },
      (name, connection) => {
        for (const s of this.#servers) if (s.name === name) this.update(s.key, { connection })
      },
    )
    this.clients = new FakeClients(this.#options.scene)
    this.doctor = new FakeDoctor({ scene: this.#options.scene, now: this.#options.now, step: this.#options.doctorStep })
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

  /** The person follows a link. */
  followLink(link: Link): void {
    this.#link = link
    this.#tell((l) => l.linked?.())
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
      identity: this.#servers.some((s) => s.key === key && s.account !== 'default') ? grace : ada,
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
      this.#replace(this.#servers.filter((s) => s.name !== name))
      return null
    })
  }

  removeAccount(key: string): Promise<Problem | null> {
    return this.#answer(() => {
      this.#replace(this.#servers.filter((s) => s.key !== key))
      return null
    })
  }

  async addAccount(name: string, account: string): Promise<SignIn> {
    const last = this.#servers.findLastIndex((s) => s.name === name)
    const url = this.#servers[last]?.url ?? ''
    const added = makeAccount(name, url, account, 'signed_out')
    await this.#answer(() => this.#replace(this.#servers.toSpliced(last + 1, 0, added)))
    return this.startSignIn(added.key)
  }

  startSignIn(key: string): Promise<SignIn> {
    return this.#answer(() => {
      const signIn: SignIn = {
        id: `signin-${++this.#signIns}`,
        startedAt: new Date(this.#options.now()).toISOString(),
        url: '',
        browserOpened: false,
        endsAt: null,
        qr: null,
        done: false,
        problem: null,
      }
      this.update(key, { state: 'signing_in', problem: null, signIn })
      const stillOn = () => this.#servers.find((s) => s.key === key)?.signIn?.id === signIn.id
      setTimeout(() => {
        if (stillOn())
          this.update(key, { signIn: { ...signIn, url: authorizeURL, browserOpened: true, offersCode: true } })
      }, 400)
      const time = this.#options.signInTime
      if (time !== null) setTimeout(() => stillOn() && this.finishSignIn(key), time)
      return signIn
    })
  }

  signInByCode(key: string): Promise<SignIn> {
    return this.#answer(() => {
      const signIn = { ...byCode(this.#options.now()), id: `signin-${++this.#signIns}` }
      this.update(key, { state: 'signing_in', problem: null, signIn })
      return signIn
    })
  }

  registerAnew(key: string): Promise<SignIn> {
    return this.startSignIn(key)
  }

  cancelSignIn(id: string): Promise<void> {
    return this.#answer(() => {
      const server = this.#servers.find((s) => s.signIn?.id === id)
      if (!server) return
      // An account that was about to be added is not there when the person gives up.
      if (server.account !== 'default' && server.identity.subject === '') {
        this.#replace(this.#servers.filter((s) => s !== server))
      } else this.update(server.key, { state: 'signed_out', signIn: null })
    })
  }

  signOut(key: string): Promise<Problem | null> {
    return this.#answer(() => {
      const server = this.#servers.find((s) => s.key === key)
      return server ? this.#end(server) : null
    })
  }

  async signOutEverywhere(): Promise<Outcome[]> {
    for (const { signIn } of this.#servers) if (signIn) await this.cancelSignIn(signIn.id)
    const outcomes: Outcome[] = []
    for (const server of this.#servers.filter((s) => s.kept)) {
      await new Promise((resolve) => setTimeout(resolve, this.#options.signOutTime))
      const { key, label } = server
      outcomes.push(await this.#answer(() => ({ key, label, problem: this.#end(server), stays: false })))
    }
    this.#replace(this.#servers.filter((s) => s.named || s.kept))
    return this.#answer(() => outcomes)
  }

  /** Signs out; the provider of "archive" cannot be told. */
  #end(server: Server): Problem | null {
    const { key, name, url, account, label, named } = server
    this.update(key, make(name, url, 'signed_out', { key, account, label, named, default: server.default }))
    return name === 'archive' ? notRevoked : null
  }

  async tryDemo(): Promise<SignIn> {
    const { key } = await this.addServer({ name: 'demo', url: 'http://127.0.0.1:4100/mcp' })
    return this.startSignIn(key)
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

  tokenDifference(key: string): Promise<Difference | null> {
    return this.#answer(() => {
      const server = this.#servers.find((s) => s.key === key)
      return server === undefined || this.#options.scene === 'opaque' ? null : differenceOf(server)
    })
  }

  askToken(key: string): Promise<TokenAnswer> {
    return this.#answer(() => {
      const server = this.#servers.find((s) => s.key === key)
      if (server === undefined) throw new ApiError({ code: 'unknown_server', what: 'It is gone.', next: '' })
      return answerOf(server)
    })
  }

  /** The dialogs of the system that are open; a call answers one. */
  readonly dialogs: ((yes: boolean) => void)[] = []

  copyToken(): Promise<boolean> {
    return this.#answer(() => undefined).then(() => new Promise((resolve) => this.dialogs.push(resolve)))
  }

  /** Reads every text with two dots in it as the same token. */
  inspect(pasted: string): Promise<Report> {
    if (/\s/.test(pasted.trim())) {
      const next = 'Paste the token alone: it has no blanks and no line breaks inside.'
      return Promise.reject(new ApiError({ code: 'usage', what: 'That is not one token.', next }))
    }
    return Promise.resolve(pasted.split('.').length === 3 ? pastedReport(this.#options.now()) : opaqueReport)
  }

  takeLink(): Promise<Link | null> {
    const link = this.#link
    this.#link = null
    return Promise.resolve(link)
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

  /** Other servers or accounts than before. */
  #replace(servers: Server[]) {
    this.#servers = servers.map((s) => {
      const several = s.account !== 'default' || servers.some((o) => o !== s && o.name === s.name)
      return { ...s, label: several ? `${s.name} (${s.account})` : s.name }
    })
    this.#seq++
    this.emit({ seq: this.#seq, snapshot: this.#snapshot() })
  }

  #tell(what: (listener: Listener) => void) {
    for (const listener of this.#listeners) what(listener)
  }

  #snapshot(): Snapshot {
    const problem = this.#options.scene === 'no_keychain' ? noKeychain : null
    return {
      seq: this.#seq,
      version: '0.0.0-fake',
      servers: this.#servers,
      demo: this.#options.scene === 'empty',
      problem,
      preferences: this.preferences.value,
    }
  }

  async #answer<T>(make: () => T): Promise<T> {
    await Promise.resolve()
    if (this.#isAway) throw new ApiError(away)
    return make()
  }
}

declare global {
  interface Window {
    /** For the tests that run a page with the fake in it. */
    fake?: Fake
  }
}

/** The fake with what the page's address asks for: `?scene=empty&signInTime=never&signOutTime=500`. */
export function fakeFromAddress(): Fake {
  const query = new URLSearchParams(location.search)
  const options: Options = {}
  const scene = query.get('scene')
  if (scene !== null && scene in scenes) options.scene = scene as Scene
  const signInTime = query.get('signInTime')
  if (signInTime !== null) options.signInTime = signInTime === 'never' ? null : Number(signInTime)
  const signOutTime = query.get('signOutTime')
  if (signOutTime !== null) options.signOutTime = Number(signOutTime)
  const doctorStep = query.get('doctorStep')
  if (doctorStep !== null) options.doctorStep = doctorStep === 'never' ? null : Number(doctorStep)
  const calls = query.get('calls')
  if (calls !== null) options.calls = Number(calls)
  window.fake = new Fake(options)
  return window.fake
}
