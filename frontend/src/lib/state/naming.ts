import type { Identity, Server } from '@/lib/api/types'

/** How a person is shown; "" when nothing is known. */
export function displayName(identity: Identity): string {
  return identity.email || identity.name || identity.subject
}

/** The form of a server's name; the same as bridge/config's. */
const nameForm = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/

export function isName(name: string): boolean {
  return nameForm.test(name)
}

/** The form of an account's name, an e-mail address too; the same as bridge/config's. */
const accountForm = /^(?=.{1,64}$)[a-z0-9][a-z0-9._+-]*(@[a-z0-9][a-z0-9._-]*)?$/i

export function isAccount(name: string): boolean {
  return accountForm.test(name)
}

/** Parts of a host or path that say nothing about whose server it is. */
const empty = new Set(['www', 'api', 'mcp', 'com', 'org', 'net', 'io', 'dev', 'app', 'ai', 'co', 'localhost'])

/**
 * A name for the server at the address: what is left of the host without "mcp."
 * and ".com". "" when the address is none, or when nothing is left; taken names
 * get a number.
 */
export function suggestName(address: string, taken: readonly string[]): string {
  const url = parseAddress(address)
  if (url === null) return ''
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isNumeric = /^[\d.]+$/.test(host) || host.includes(':')
  const parts = isNumeric ? [] : host.split('.').slice(0, host.includes('.') ? -1 : undefined)
  const word =
    parts.findLast((p) => !empty.has(p) && isName(p)) ??
    url.pathname.split('/').find((p) => !empty.has(p) && isName(p)) ??
    'local'
  return unused(word, taken)
}

/** The address as a URL, or null. A missing https:// is forgiven. */
export function parseAddress(address: string): URL | null {
  const text = complete(address)
  return text !== '' && URL.canParse(text) ? new URL(text) : null
}

/** The address as typed, with https:// before it when it has no scheme. */
export function complete(address: string): string {
  const text = address.trim()
  if (text === '' || /^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text
  return /^[\w-]+(\.[\w-]+)+(:\d+)?(\/|$)/.test(text) ? `https://${text}` : text
}

/** The word, with a number where it is taken. */
export function unused(word: string, taken: readonly string[]): string {
  if (!taken.includes(word)) return word
  for (let n = 2; ; n++) {
    if (!taken.includes(`${word}-${n}`)) return `${word}-${n}`
  }
}

/** Why an address cannot be used, or null. Go has the last word. */
export type AddressFault = 'missing' | 'not_url' | 'not_https'

export function checkAddress(address: string): AddressFault | null {
  if (address.trim() === '') return 'missing'
  const url = parseAddress(address)
  if (url === null || url.hostname === '') return 'not_url'
  if (url.protocol === 'https:') return null
  return url.protocol === 'http:' && isLoopback(url.hostname) ? null : 'not_https'
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/i.test(host)
}

/** NAME, or NAME@ACCOUNT where another account than the default one is meant: what commands and clients take. */
export function targetOf(server: Pick<Server, 'name' | 'account' | 'default'>): string {
  return server.default ? server.name : `${server.name}@${server.account}`
}
