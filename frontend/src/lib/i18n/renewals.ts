const n = new Intl.NumberFormat()

/** The renewals of tokens, on the activity screen. */
export const renewals = {
  emptyTitle: 'No renewals yet',
  empty: 'As soon as you are signed in somewhere, it stands here when the token is to be renewed, and when it was.',
  expected: 'Expected',
  came: 'Done',
  outcome: 'Outcome',
  overdue: 'Overdue',
  now: 'Now',
  nextUse: 'Next use',
  atItsUse: 'At its use',
  notYet: 'Not yet',
  done: 'Renewed',
  by: {
    agent: 'Renewed by the agent',
    client: 'Renewed by a client',
    person: 'New sign-in',
  } as Record<string, string>,
  onTime: 'on time',
  later: (by: string) => `${by} late`,
  earlier: (by: string) => `${by} early`,
  ahead: (left: string) => `In ${left}`,
  atUse: 'At the next use',
  failing: (count: number) => (count === 1 ? '1 attempt failed' : `${n.format(count)} attempts failed`),
  late: (by: string) => `Due for ${by}`,
  earlierOnes: (count: number) => (count === 1 ? 'And 1 earlier one.' : `And ${n.format(count)} earlier ones.`),
}
