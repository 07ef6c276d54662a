import { text } from '@/lib/i18n/en'

/** What a scope allows in words, or null where that is not known for sure. */
export function meaningOf(scope: string, issuer: string): string | null {
  const own = table(text.scopes.by, hostOf(issuer))
  return (own === undefined ? undefined : table(own, scope)) ?? table(text.scopes.any, scope) ?? null
}

function hostOf(issuer: string): string {
  try {
    const { protocol, hostname } = new URL(issuer)
    return protocol === 'https:' ? hostname : ''
  } catch {
    return ''
  }
}

/** A name from outside must not find what every object has. */
function table<T>(of: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined
}
