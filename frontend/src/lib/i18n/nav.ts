/** The navigation. */
export const nav = {
  label: 'Screens',
  product: 'Drawbridge',
  servers: 'Servers',
  inspect: 'Inspect a token',
  inspectShort: 'Inspect',
}
