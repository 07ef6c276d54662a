/** The dialog about an address drawbridge://add that was followed. */
export const link = {
  title: 'Add this server?',
  body: 'A link asks Drawbridge to add a server. Nothing has been done yet.',
  host: 'Run by',
  address: 'Its address',
  name: 'Name',
  nameHint: 'What you and your clients call it here.',
  does: 'If you add it, Drawbridge',
  effects: [
    'puts it into its settings, under this name, with no other options',
    'opens no browser, signs nobody in and connects no client: each of these is a step of your own',
  ],
  trust: 'Add it only if you know who runs it. Once you sign in and use it, it sees what your clients send to it.',
  there: (name: string) => `It is there already, as ${name}.`,
  refused: 'A link was refused',
  noName: 'Give it a name.',
  badName: 'Use letters, digits, dots, dashes and underscores, at most 64.',
  taken: (name: string) => `There is a server named ${name} already.`,
  cancel: 'Cancel',
  close: 'Close',
  add: 'Add server',
}
