import type { Found } from '@/lib/api/doctor'

/** What is found out about a server before it is added. */
export const discovery = {
  presets: 'Well-known servers',
  again: 'Look again',
  looking: 'Asking the server how to sign in\u2026',
  title: 'What was found',
  name: 'It calls itself',
  provider: 'Sign-in at',
  registration: 'Registration',
  scopes: 'Will ask for',
  noScopes: 'Nothing in particular: the provider decides.',
  ways: {
    document: 'By itself, with Drawbridge\u2019s public description.',
    dynamic: 'By itself: nothing to prepare.',
    given: 'With the client ID that you gave.',
    by_hand: 'By hand: the provider wants you to register Drawbridge first.',
  } satisfies Record<Exclude<Found['registration'], ''>, string>,
  byHand: 'Register a native (desktop) application there, with this redirect address:',
  redirect: 'Redirect address to register',
  copyRedirect: 'Copy address',
  anyPort: 'The port may differ each time; providers accept any port of this address.',
  anyPortTitle: 'RFC 8252 \u00a77.3',
  secret: 'The provider shows you a client ID and a secret. Both are asked for below.',
  open: 'This server asks for no sign-in.',
  failed: 'Nothing could be found out there.',
  still: 'You may add it all the same.',
}
