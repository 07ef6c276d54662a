/** The navigation. */
export const nav = {
  label: 'Screens',
  product: 'Drawbridge',
  servers: 'Servers',
  activity: 'Activity',
  inspect: 'Inspect a token',
  inspectShort: 'Inspect',
}
