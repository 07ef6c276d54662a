import type { control, main, token } from '@/wailsjs/go/models'
import type { ActivityApi } from './activity'
import type { ClientsApi } from './clients'
import type { ConnectionsApi } from './connections'
import type { DoctorApi } from './doctor'
import type { Preferences, PreferencesApi } from './preferences'
import type { Problem } from './problem'

export { ApiError, problemOf, type Problem } from './problem'

// What the page knows of the agent. The types come from the Go side; here only
// what Go's generator cannot say is put right: a nil pointer arrives as null.

/** How a server stands, in one word. */
export type State = `${control.State}`

export type Identity = control.Identity
export type NewServer = main.NewServer

export interface SignIn extends Omit<control.SignIn, 'problem' | 'endsAt' | 'qr'> {
  problem: Problem | null
  /** When the code ends, RFC 3339; null without a code. */
  endsAt: string | null
  /** The address for a camera; null without a code. */
  qr: QR | null
}

/** A QR code as an SVG draws it: a path over a square of so many modules. */
export type QR = control.QR

export interface Server extends Omit<
  control.Server,
  'state' | 'problem' | 'signIn' | 'issuedAt' | 'expiresAt' | 'refreshedAt'
> {
  state: State
  problem: Problem | null
  signIn: SignIn | null
  /** RFC 3339, or null when unknown; so are the two below. */
  issuedAt: string | null
  expiresAt: string | null
  refreshedAt: string | null
}

/** How the sign-out of one account went. */
export interface Outcome extends Omit<control.Outcome, 'problem'> {
  problem: Problem | null
}

export interface Snapshot extends Omit<control.Snapshot, 'servers' | 'problem' | 'preferences'> {
  /** null from an agent that knows none. */
  preferences: Preferences | null
  servers: Server[]
  problem: Problem | null
}

/** One line of the agent's event stream. */
export interface Change {
  seq: number
  snapshot?: Snapshot
  server?: Server
  /** The key of a server that is gone. */
  removed?: string
}

export type Member = token.Member
export type Check = token.Check

interface Life {
  /** RFC 3339, or null when unknown. */
  issuedAt: string | null
  expiresAt: string | null
}

/** One member of a token that is other than in the token before. */
export interface MemberChange extends Omit<token.Change, 'change'> {
  change: 'added' | 'removed' | 'changed'
}

/** How a token differs from the one before it. */
export interface Difference extends Omit<token.Difference, 'before' | 'after' | 'changes'> {
  before: Life
  after: Life
  changes: MemberChange[]
}
export type Signature = token.Signature

export interface Report extends Omit<token.Report, 'issuedAt' | 'notBefore' | 'expiresAt'> {
  issuedAt: string | null
  notBefore: string | null
  expiresAt: string | null
}

/** What a provider says of a token that does not speak for itself. */
export interface TokenAnswer extends Omit<control.TokenAnswer, 'problem' | 'whoProblem'> {
  /** Why it says nothing of the token. */
  problem: Problem | null
  /** Why it does not say whose it is. */
  whoProblem: Problem | null
}

/** What an address drawbridge://add asks for; with a problem it was refused. */
export interface Link {
  url: string
  /** A suggestion; "" leaves it to the person. */
  name: string
  problem: Problem | null
}

/** What the page hears of the agent. */
export interface Listener {
  /** Another agent speaks from now on: its sequence numbers start anew. */
  connected(): void
  changed(change: Change): void
  away(problem: Problem): void
  /** The person followed a link: see Api.takeLink. */
  linked?(): void
}

/** All that the page can ask for. Every method rejects with an ApiError. */
export interface Api {
  /** The MCP clients on this computer. */
  readonly clients: ClientsApi
  readonly doctor: DoctorApi
  readonly preferences: PreferencesApi
  readonly connections: ConnectionsApi
  readonly activity: ActivityApi
  snapshot(): Promise<Snapshot>
  /** Resolves to the server as it stands after it was added. */
  addServer(server: NewServer): Promise<Server>
  /** Resolves to what of the signing out did not work, or null; so do removeAccount and signOut. */
  removeServer(name: string): Promise<Problem | null>
  /** Signs out of one account and forgets it. */
  removeAccount(key: string): Promise<Problem | null>
  /** Begins to sign in to another account of the server with the name. */
  addAccount(name: string, account: string): Promise<SignIn>
  startSignIn(key: string): Promise<SignIn>
  /** Begins to sign in with a code and a browser on any device; one that is under way makes room. */
  signInByCode(key: string): Promise<SignIn>
  /** Registers anew at the provider and begins to sign in; one that is under way makes room. */
  registerAnew(key: string): Promise<SignIn>
  cancelSignIn(id: string): Promise<void>
  signOut(key: string): Promise<Problem | null>
  /** Ends every sign-in on this computer; resolves to how each went. */
  signOutEverywhere(): Promise<Outcome[]>
  /** Starts the built-in demo, adds it as a server and begins to sign in there. */
  tryDemo(): Promise<SignIn>
  token(key: string): Promise<Report>
  /** How the token differs from the one before it; null while the agent has seen only one. */
  tokenDifference(key: string): Promise<Difference | null>
  /** Asks the provider about the token. */
  askToken(key: string): Promise<TokenAnswer>
  /**
   * Has the token put on the clipboard for half a minute, once the person has agreed in a dialog of the system;
   * resolves to whether they did. The token does not come here.
   */
  copyToken(key: string): Promise<boolean>
  /** Explains a token that a person pasted; it goes no further than this process. */
  inspect(pasted: string): Promise<Report>
  /** The link that the person followed, once, or null. */
  takeLink(): Promise<Link | null>
  /** Looks for an agent that is away at once, instead of after a pause. */
  reconnect(): Promise<void>
  copyText(text: string): Promise<void>
  /** Returns the function that ends the subscription. */
  subscribe(listener: Listener): () => void
}
