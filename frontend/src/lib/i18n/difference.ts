/** What changed from one token to the next, on the token screen. */
export const difference = {
  title: 'Since the token before',
  came: (when: string) => `This token came ${when}.`,
  instead: (when: string) => `This token came ${when}, in place of one that came`,
  scopes: 'Allows',
  change: { added: 'Added', removed: 'Removed', changed: 'Changed' },
  was: 'Before',
  is: 'Now',
  sameScopes: (count: number) =>
    count === 0
      ? 'Neither of the two names a scope.'
      : count === 1
        ? 'The same scope as before.'
        : `The same ${count} scopes as before.`,
  keptScopes: (count: number) => (count === 1 ? '1 scope stays.' : `${count} scopes stay.`),
  claims: 'Says',
  sameClaims: 'Nothing else has changed.',
  usual: (names: string) => `New in every token: ${names}.`,
  same: (count: number) => (count === 1 ? '1 member says the same.' : `${count} members say the same.`),
  unreadable: 'The tokens are opaque, so that only their scopes can be compared.',
  empty: '(empty)',
}
