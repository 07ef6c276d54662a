export namespace control {
	
	export enum Folder {
	    Logs = "logs",
	    Settings = "settings",
	    State = "state",
	}
	export enum State {
	    SignInNeeded = "sign_in_needed",
	    SignedIn = "signed_in",
	    SignedOut = "signed_out",
	    SigningIn = "signing_in",
	    Trouble = "trouble",
	}
	export interface Browser {
	    id: string;
	    title: string;
	}
	export interface Captured {
	    arguments: string;
	    result: string;
	}
	export interface Connection {
	    proxy: string;
	    caFile: string;
	}
	export interface EntryChange {
	    client: string;
	    server: string;
	    remove: boolean;
	    replace: boolean;
	    digest: string;
	}
	export interface EntryPreview {
	    path: string;
	    diff: string;
	    digest: string;
	}
	export interface EntryResult {
	    path: string;
	    backup: string;
	    after: string;
	}
	export interface Identity {
	    subject: string;
	    email: string;
	    name: string;
	    tenant: string;
	}
	export interface Problem {
	    code: string;
	    what: string;
	    next: string;
	}
	export interface MCPEntry {
	    name: string;
	    server: string;
	}
	export interface MCPClient {
	    id: string;
	    title: string;
	    path: string;
	    found: boolean;
	    entries: MCPEntry[];
	    after: string;
	    problem?: Problem;
	}
	
	export interface Outcome {
	    key: string;
	    label: string;
	    problem?: Problem;
	    stays: boolean;
	}
	export interface Places {
	    settingsFile: string;
	    stateFolder: string;
	    logFolder: string;
	    secrets: string;
	}
	export interface Preferences {
	    theme: string;
	    startAtLogin: boolean;
	    canStartAtLogin: boolean;
	    tray: boolean;
	    notifications: boolean;
	    browser: string;
	    logLevel: string;
	}
	export interface PreferencesChange {
	    theme?: string;
	    startAtLogin?: boolean;
	    tray?: boolean;
	    notifications?: boolean;
	    browser?: string;
	    logLevel?: string;
	}
	
	export interface QR {
	    size: number;
	    path: string;
	}
	export interface SignIn {
	    id: string;
	    startedAt: string;
	    url: string;
	    browserOpened: boolean;
	    offersCode?: boolean;
	    code?: string;
	    endsAt?: string | null;
	    qr?: QR;
	    done: boolean;
	    problem?: Problem;
	}
	export interface Server {
	    key: string;
	    name: string;
	    url: string;
	    account: string;
	    label: string;
	    default: boolean;
	    named: boolean;
	    state: State;
	    problem?: Problem;
	    identity: Identity;
	    issuer: string;
	    scopes: string[];
	    issuedAt?: string | null;
	    expiresAt?: string | null;
	    renewable: boolean;
	    refreshedAt?: string | null;
	    era: string;
	    transport: string;
	    connection: Connection;
	    registers: boolean;
	    kept: boolean;
	    signIn?: SignIn;
	}
	
	export interface Snapshot {
	    seq: number;
	    version: string;
	    servers: Server[];
	    demo: boolean;
	    problem?: Problem;
	    preferences?: Preferences;
	}
	export interface TokenAnswer {
	    active: boolean;
	    claims: token.Member[];
	    problem?: Problem;
	    who: Identity;
	    whoProblem?: Problem;
	}

}

export namespace main {
	
	export interface Exported {
	    path: string;
	    calls: number;
	}
	export interface Link {
	    url: string;
	    name: string;
	    problem?: control.Problem;
	}
	export interface NewServer {
	    name: string;
	    url: string;
	    clientId?: string;
	    scopes?: string[];
	    clientSecret?: string;
	}

}

export namespace report {
	
	export enum Status {
	    Fail = "failed",
	    OK = "ok",
	    Skipped = "skipped",
	    Warn = "warning",
	}
	export interface Found {
	    name: string;
	    provider: string;
	    issuer: string;
	    registration: string;
	    redirectUri: string;
	    secret: boolean;
	    scopes: string[];
	    open: boolean;
	}
	export interface Line {
	    id: string;
	    section: string;
	    status: Status;
	    title: string;
	    ref: string;
	    got: string;
	    remedy?: string;
	    exchanges?: number[];
	}
	export interface Report {
	    name: string;
	    url: string;
	    account?: string;
	    version: string;
	    startedAt: string;
	    millis: number;
	    outcome: string;
	    lines: Line[];
	    found: Found;
	    trace?: string;
	}

}

export namespace token {
	
	export interface Change {
	    part: string;
	    name: string;
	    title: string;
	    kind: string;
	    change: string;
	    before: string;
	    after: string;
	    usual: boolean;
	}
	export interface Check {
	    name: string;
	    ok: boolean;
	    text: string;
	}
	export interface Life {
	    issuedAt?: string | null;
	    expiresAt?: string | null;
	}
	export interface Difference {
	    before: Life;
	    after: Life;
	    scopesAdded: string[];
	    scopesRemoved: string[];
	    scopesKept: string[];
	    readable: boolean;
	    changes: Change[];
	    same: number;
	}
	
	export interface Member {
	    name: string;
	    title: string;
	    explanation: string;
	    kind: string;
	    value: string;
	}
	export interface Signature {
	    verdict: string;
	    algorithm: string;
	    keyId: string;
	    reason: string;
	}
	export interface Report {
	    format: string;
	    header: Member[];
	    claims: Member[];
	    headerJson: string;
	    claimsJson: string;
	    issuer: string;
	    subject: string;
	    audience: string[];
	    scopes: string[];
	    issuedAt?: string | null;
	    notBefore?: string | null;
	    expiresAt?: string | null;
	    signature: Signature;
	    checks: Check[];
	}

}

