import { expect, it } from 'vitest'
import { meaningOf } from './scopes'

it('says what a scope allows only where that is known', () => {
  expect(meaningOf('offline_access', 'https://as.example')).toMatch(/renewed/)
  expect(meaningOf('repo', 'https://github.com/login/oauth')).toMatch(/private/)
  for (const [scope, issuer] of [
    ['repo', 'https://as.example'],
    ['repo', 'https://github.com.evil.example'],
    ['repo', 'http://github.com'],
    ['repo', 'not an address'],
    ['mcp:tools', 'https://as.example'],
    ['constructor', 'https://as.example'],
    ['toString', 'https://github.com'],
  ] as const) {
    expect(meaningOf(scope, issuer), `${scope} of ${issuer}`).toBe(null)
  }
})
