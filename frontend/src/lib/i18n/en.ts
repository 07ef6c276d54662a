import type { AddressFault } from '@/lib/state/naming'
import type { State } from '@/lib/api/types'
import { activity } from './activity'
import { capture } from './capture'
import { clients } from './clients'
import { difference } from './difference'
import { discovery } from './discovery'
import { doctor } from './doctor'
import { firstrun } from './firstrun'
import { inspect } from './inspect'
import { nav } from './nav'
import { renewals } from './renewals'
import { scopes } from './scopes'
import { sessions } from './sessions'
import { settings } from './settings'

/** Every text of the window. */
export const text = {
  nav,
  capture,
  clients,
  difference,
  doctor,
  activity,
  firstrun,
  discovery,
  inspect,
  renewals,
  scopes,
  sessions,
  settings,
  servers: {
    title: 'Servers',
    add: 'Add server',
    summary: (signedIn: number, total: number) =>
      signedIn === total
        ? total === 1
          ? 'Signed in and ready.'
          : `All ${total} are signed in and ready.`
        : signedIn > 0
          ? `${signedIn} of ${total} signed in.`
          : total === 1
            ? 'Not signed in.'
            : `None of ${total} signed in.`,
    waiting: (names: string[]) =>
      names.length === 1 ? `${names[0] ?? ''} needs your attention.` : `${names.length} need your attention.`,
    list: 'Servers',
  },
  empty: {
    title: 'No servers yet',
    body: 'Add the address of a remote MCP server. You sign in once, in your browser; from then on your MCP clients reach it through Drawbridge.',
  },
  loading: 'Connecting to Drawbridge\u2019s agent\u2026',
  away: {
    title: 'Drawbridge\u2019s agent is away',
    body: 'The agent keeps your sign-ins and renews tokens in the background. Without it this window has nothing to show. Your sign-ins are safe in the keychain.',
    retry: 'Try again',
  },
  state: {
    signed_in: 'Signed in',
    signed_out: 'Signed out',
    signing_in: 'Signing in',
    sign_in_needed: 'Sign-in needed',
    trouble: 'Trouble',
  } satisfies Record<State, string>,
  card: {
    as: 'as',
    was: (who: string) => `Last signed in as ${who}`,
    unnamed: 'Used by an MCP client without being added here',
    signIn: 'Sign in',
    signInAgain: 'Sign in again',
    signOut: 'Sign out',
    viewToken: 'View token',
    remove: 'Remove',
    removeAccount: 'Remove account',
    addAccount: 'Add another account',
    examine: 'Examine with the doctor',
    why: 'Find out why',
    tenant: (tenant: string) => `in ${tenant}`,
    of: (action: string, name: string) => `${action}: ${name}`,
  },
  expiry: {
    title: 'Access token',
    left: (left: string) => `${left} left`,
    renewable: 'Renewed by itself when it is needed.',
    notRenewable: 'Cannot be renewed: you sign in again when it ends.',
    resting: (ago: string) => `Access token expired ${ago} ago; it is renewed at the next use.`,
    expired: (ago: string) => `Access token expired ${ago} ago.`,
    over: (ago: string) => `Access token expired ${ago} ago and cannot be renewed.`,
    unknown: 'The server does not say when the access token expires.',
    bar: (name: string) => `What is left of the access token\u2019s life: ${name}`,
  },
  signIn: {
    preparing: 'Asking the server how to sign in\u2026',
    opened: 'Your browser has opened. Finish signing in there.',
    notOpened: 'Open this address in your browser and sign in there:',
    address: 'Address to sign in at',
    anywhere: 'Open this address in a browser on any device and sign in there:',
    code: 'Enter this code there, or check that it is the one shown:',
    codeEnds: (when: string) => `It ends ${when}.`,
    codeEnded: 'It has ended. Cancel, and sign in again for a new one.',
    codeSecret: 'Whoever has it can sign in: show it to nobody.',
    qr: 'Sign-in address as a QR code',
    qrHint: 'A phone\u2019s camera opens the address.',
    noBrowser: 'Browser did not open?',
    copy: 'Copy address',
    cancel: 'Cancel',
    byCode: 'Use another device',
    byCodeHint: 'Shows a code and an address for a browser on any device.',
    unknown: 'The provider does not know Drawbridge?',
    anew: 'Register anew',
    anewHint: 'Registers Drawbridge at the provider once more and begins the sign-in again.',
  },
  copy: { done: 'Copied', failed: 'Not copied' },
  add: {
    title: 'Add a server',
    address: 'Server address',
    addressHint: 'The MCP address from the server\u2019s documentation.',
    addressExample: 'https://mcp.example.com/mcp',
    name: 'Name',
    nameHint: 'How you and your MCP clients call it.',
    more: 'More options',
    clientId: 'Client ID',
    clientIdHint: 'Only when the provider gave you one; else Drawbridge registers itself.',
    clientIdByHand: 'The provider shows it once Drawbridge is registered there.',
    noClient: 'Give the client ID that the provider shows you.',
    clientSecret: 'Client secret',
    clientSecretHint: 'If there is one. It goes straight to the keychain and is not shown again.',
    scopes: 'Scopes',
    scopesHint: 'What to ask for, separated by spaces. Empty: what the server names.',
    submit: 'Add and sign in',
    addOnly: 'Add only',
    cancel: 'Cancel',
    badName:
      'Up to 64 letters, digits, \u201c.\u201d, \u201c_\u201d and \u201c-\u201d, starting with a letter or a digit.',
    noName: 'Give the server a name.',
    taken: (name: string) => `There is a server named ${name} already.`,
    badAddress: {
      missing: 'Enter the server\u2019s address.',
      not_url: 'That is not a full address. It looks like https://mcp.example.com/mcp.',
      not_https:
        'The address must start with https:// (http:// only for this computer), or tokens would cross the network in clear text.',
    } satisfies Record<AddressFault, string>,
  },
  addAccount: {
    title: (name: string) => `Add an account of ${name}`,
    body: 'Your browser opens, and you choose who signs in. The accounts that are there stay as they are.',
    name: 'Name of the account',
    nameHint: (name: string) => `Your own word for it, such as work. MCP clients use it as ${name}@work.`,
    noName: 'Give the account a name.',
    badName:
      'Up to 64 letters, digits, \u201c.\u201d, \u201c_\u201d, \u201c+\u201d and \u201c-\u201d, starting with a letter or a digit; or an e-mail address.',
    taken: (name: string) => `There is an account named ${name} already.`,
    submit: 'Sign in',
    cancel: 'Cancel',
  },
  remove: {
    account:
      'Drawbridge signs out of this account and forgets it. The server and its other accounts stay. MCP clients that use this account no longer reach the server.',
    all: 'You will be signed out of each of these accounts:',
    title: (name: string) => `Remove ${name}?`,
    body: 'Drawbridge signs out and forgets the server. MCP clients that use it no longer reach it until you add it again.',
    confirm: 'Remove',
    cancel: 'Keep',
  },
  everywhere: {
    open: 'Sign out everywhere\u2026',
    title: 'Sign out everywhere',
    body: 'This ends these sign-ins, for every MCP client on this computer:',
    list: 'Sign-ins that end',
    cancels: (names: string[]) =>
      names.length === 1
        ? `The sign-in to ${names[0] ?? ''} that is under way is cancelled.`
        : `${names.length} sign-ins that are under way are cancelled.`,
    lost: 'Their tokens are revoked and deleted, stored client secrets and registrations deleted. The servers stay; to use them again you sign in again.',
    confirm: (n: number) => (n === 1 ? 'Sign out' : `Sign out of all ${n}`),
    cancel: 'Cancel',
    close: 'Close',
    working: (done: number, total: number) => `Signing out\u2026 ${done} of ${total} done.`,
    done: 'You are signed out everywhere. All tokens are revoked and deleted.',
    notRevoked: 'You are signed out everywhere on this computer, but not every provider could be told.',
    some: 'Not everything was signed out:',
  },
  token: {
    title: (name: string) => `Access token: ${name}`,
    back: 'All servers',
    loading: 'Reading the token\u2026',
    copyJson: 'Copy as JSON',
    copyToken: 'Copy the token\u2026',
    copyAsked: 'Answer in the dialog that has opened.',
    copyDone: 'The token is on the clipboard.',
    copyLeft: (seconds: number) => `It is taken off in ${seconds} s.`,
    copyOver: 'The token is off the clipboard again, unless you copied something else.',
    lead: 'What the token says. The token itself stays with the agent.',
    opaqueTitle: 'This token cannot be read',
    opaque: 'It is opaque: a random text that only the server that made it can look up. That is usual and no fault.',
    provider: 'Provider',
    asking: 'Asking the provider\u2026',
    active: 'Says that it is active',
    inactive: 'Says that it is not active.',
    inactiveMeans: 'It has ended or was revoked.',
    who: 'Belongs to',
    providerSays: 'What the provider says of it',
    failedTitle: 'The token cannot be shown',
    goneTitle: 'This server is gone',
    gone: 'It has been removed or signed out in the meantime.',
    retry: 'Try again',
    atAGlance: 'At a glance',
    signature: 'Signature',
    verdict: {
      valid: 'Valid',
      invalid: 'Not valid',
      unchecked: 'Not checked',
    } as Record<string, string>,
    signedWith: (algorithm: string, key: string) => (key === '' ? algorithm : `${algorithm}, key ${key}`),
    issuer: 'Issuer',
    audience: 'Meant for',
    scopes: 'Allows',
    knownScopes: 'Scopes in words',
    issuerFits: 'The provider that you signed in at.',
    audienceFits: 'Matches the address of this server.',
    lifetime: 'Lifetime',
    moment: {
      issued: 'Issued',
      notBefore: 'Not before',
      refresh: 'Renewed',
      now: 'Now',
      due: 'Renewal due',
      expires: 'Expires',
      expired: 'Expired',
    },
    none: 'Not stated',
    checks: 'Checks',
    passed: 'Passed',
    notPassed: 'Not passed',
    resting: 'Expired. It is renewed at the next use.',
    claims: 'Claims',
    header: 'Header',
    member: 'Meaning',
    value: 'Value',
    own: 'The provider\u2019s own claim.',
  },
}
