/** Where pictures of the screens are kept for a person to look at. */
export const pictures = `${process.env['DRAWBRIDGE_ARTIFACTS'] ?? '../test/artifacts'}/screens`
