import * as app from '@/wailsjs/go/main/App'
import type { control, token } from '@/wailsjs/go/models'
import { ClipboardSetText, EventsOn } from '@/wailsjs/runtime/runtime'
import { ask, list } from './ask'
import { activityBridge } from './bridgeActivity'
import { clientsBridge } from './bridgeClients'
import { connectionsBridge } from './bridgeConnections'
import { doctorBridge } from './bridgeDoctor'
import { preferencesBridge, toPreferences } from './bridgePreferences'
import type { Api, Change, Problem } from './types'
import type { Difference, Link, MemberChange, Outcome, Report, Server, SignIn, Snapshot } from './types'

/** The Api over Wails' bridge to Go. */
export function bridge(): Api {
  return {
    clients: clientsBridge(),
    doctor: doctorBridge(),
    preferences: preferencesBridge(),
    connections: connectionsBridge(),
    activity: activityBridge(),
    snapshot: () => ask(async () => toSnapshot(await app.Snapshot())),
    addServer: (server) => ask(async () => toServer(await app.AddServer(server))),
    removeServer: (name) => ask(() => app.RemoveServer(name) as Promise<Problem | null>),
    removeAccount: (key) => ask(() => app.RemoveAccount(key) as Promise<Problem | null>),
    addAccount: (name, account) => ask(async () => toSignIn(await app.AddAccount(name, account))),
    startSignIn: (key) => ask(async () => toSignIn(await app.StartSignIn(key))),
    signInByCode: (key) => ask(async () => toSignIn(await app.SignInByCode(key))),
    registerAnew: (key) => ask(async () => toSignIn(await app.RegisterAnew(key))),
    cancelSignIn: (id) => ask(() => app.CancelSignIn(id)),
    signOut: (key) => ask(() => app.SignOut(key) as Promise<Problem | null>),
    signOutEverywhere: () => ask(async () => list(await app.SignOutEverywhere()).map(toOutcome)),
    tryDemo: () => ask(async () => toSignIn(await app.TryDemo())),
    token: (key) => ask(async () => toReport(await app.Token(key))),
    tokenDifference: (key) => ask(async () => toDifference(await app.TokenDifference(key))),
    askToken: (key) =>
      ask(async () => {
        const raw = await app.AskToken(key)
        return {
          ...raw,
          claims: list(raw.claims),
          problem: raw.problem ?? null,
          whoProblem: raw.whoProblem ?? null,
        }
      }),
    copyToken: (key) => ask(() => app.CopyToken(key)),
    inspect: (pasted) => ask(async () => toReport(await app.Inspect(pasted))),
    takeLink: () => ask(() => app.TakeLink() as Promise<Link | null>),
    reconnect: () => ask(() => app.Reconnect()),
    copyText: (text) =>
      ask(async () => {
        if (!(await ClipboardSetText(text))) throw new Error('The clipboard did not take it.')
      }),
    subscribe(listener) {
      // Names as in app.go.
      const ends = [
        EventsOn('connected', () => listener.connected()),
        EventsOn('change', (raw: RawChange) => listener.changed(toChange(raw))),
        EventsOn('away', (problem: Problem) => listener.away(problem)),
        EventsOn('link', () => listener.linked?.()),
      ]
      return () => ends.forEach((end) => end())
    },
  }
}

interface RawChange {
  seq: number
  snapshot?: control.Snapshot
  server?: control.Server
  removed?: string
}

// Go's nil pointers arrive as null or not at all.

function toSignIn(raw: control.SignIn): SignIn {
  return { ...raw, problem: raw.problem ?? null, endsAt: raw.endsAt ?? null, qr: raw.qr ?? null }
}

function toOutcome(raw: control.Outcome): Outcome {
  return { ...raw, problem: raw.problem ?? null }
}

function toServer(raw: control.Server): Server {
  return {
    ...raw,
    problem: raw.problem ?? null,
    signIn: raw.signIn ? toSignIn(raw.signIn) : null,
    scopes: list(raw.scopes),
    issuedAt: raw.issuedAt ?? null,
    expiresAt: raw.expiresAt ?? null,
    refreshedAt: raw.refreshedAt ?? null,
  }
}

function toSnapshot(raw: control.Snapshot): Snapshot {
  return {
    ...raw,
    servers: list(raw.servers).map(toServer),
    problem: raw.problem ?? null,
    preferences: raw.preferences ? toPreferences(raw.preferences) : null,
  }
}

function toChange(raw: RawChange): Change {
  const change: Change = { seq: raw.seq }
  if (raw.snapshot) change.snapshot = toSnapshot(raw.snapshot)
  if (raw.server) change.server = toServer(raw.server)
  if (raw.removed) change.removed = raw.removed
  return change
}

function toDifference(raw: token.Difference | null): Difference | null {
  if (raw === null) return null
  const life = (of: token.Life) => ({ issuedAt: of.issuedAt ?? null, expiresAt: of.expiresAt ?? null })
  return {
    ...raw,
    before: life(raw.before),
    after: life(raw.after),
    scopesAdded: list(raw.scopesAdded),
    scopesRemoved: list(raw.scopesRemoved),
    scopesKept: list(raw.scopesKept),
    changes: list(raw.changes) as MemberChange[],
  }
}

function toReport(raw: token.Report): Report {
  return {
    ...raw,
    header: list(raw.header),
    claims: list(raw.claims),
    audience: list(raw.audience),
    scopes: list(raw.scopes),
    checks: list(raw.checks),
    issuedAt: raw.issuedAt ?? null,
    notBefore: raw.notBefore ?? null,
    expiresAt: raw.expiresAt ?? null,
  }
}
