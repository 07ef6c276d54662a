// The plots' library asks for numbers in the language of the browser as soon as
// it is loaded. WebKit gives the C of LANG=C for one, which is none: that throws,
// and no page comes. Imported for this alone, before anything else.
try {
  new Intl.NumberFormat(navigator.language)
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en', configurable: true })
}
export {}
