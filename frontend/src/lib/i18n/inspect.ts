/** The screen that explains a pasted token. */
export const inspect = {
  title: 'Inspect a token',
  lead: 'Paste any JWT to read it. It is decoded in this window: never stored, never sent, never logged.',
  field: 'Token',
  hint: 'With or without \u201cBearer\u201d before it.',
  clear: 'Clear',
  copyJson: 'Copy as JSON',
  emptyTitle: 'Nothing pasted yet',
  empty: 'What the token says appears here: who made it, whom it is for, what it allows and until when.',
  opaqueTitle: 'This token cannot be read',
  opaque: 'It is opaque: a random text that only the server that made it can look up.',
  unchecked: 'Nobody was asked, so nothing here is vouched for: a token that can be read may still be forged.',
}
