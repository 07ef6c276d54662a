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
  byHand: (redirect: string) =>
    `Register a native (desktop) application there with the redirect address ${redirect}, and give its client ID below.`,
  anyPort: 'Drawbridge takes a free port each time; providers accept any port of this address (RFC 8252).',
  secret: 'It shows you a secret, too. Give that in a terminal, where it goes straight to the keychain:',
  secretCommand: (name: string) => `DRAWBRIDGE_CLIENT_SECRET=\u2026 drawbridge login ${name} --client-id ID`,
  open: 'This server asks for no sign-in.',
  failed: 'Nothing could be found out there.',
  still: 'You may add it all the same.',
}
