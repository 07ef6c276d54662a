import { describe, expect, it } from 'vitest'
import { checkAddress, complete, isAccount, isName, suggestName } from './naming'

describe('suggestName', () => {
  it.each([
    ['https://mcp.linear.app/mcp', 'linear'],
    ['mcp.notion.com/mcp', 'notion'],
    ['https://api.githubcopilot.com/mcp/', 'githubcopilot'],
    ['https://tools.example.co.uk/mcp', 'example'],
    ['http://127.0.0.1:4100/demo/mcp', 'demo'],
    ['http://localhost:4100/mcp', 'local'],
    ['http://[::1]:4100/mcp', 'local'],
    ['', ''],
    ['not an address', ''],
  ])('%s is called %s', (address, want) => {
    expect(suggestName(address, [])).toBe(want)
  })

  it('gives a taken name a number', () => {
    expect(suggestName('https://mcp.linear.app/mcp', ['linear', 'linear-2'])).toBe('linear-3')
  })
})

describe('complete', () => {
  it.each([
    [' mcp.example.com/mcp ', 'https://mcp.example.com/mcp'],
    ['http://localhost:1', 'http://localhost:1'],
    ['localhost', 'localhost'],
  ])('%s becomes %s', (address, want) => {
    expect(complete(address)).toBe(want)
  })
})

describe('checkAddress', () => {
  it.each([
    ['', 'missing'],
    ['  ', 'missing'],
    ['hello', 'not_url'],
    ['https://', 'not_url'],
    ['ftp://example.com', 'not_https'],
    ['http://example.com/mcp', 'not_https'],
    ['http://127.0.0.1.example.com/mcp', 'not_https'],
    ['http://127.0.0.1:4100/mcp', null],
    ['http://localhost:4100/mcp', null],
    ['https://example.com/mcp', null],
  ])('%s: %s', (address, want) => {
    expect(checkAddress(address)).toBe(want)
  })
})

describe('isName', () => {
  it.each([
    ['demo', true],
    ['a.b_c-9', true],
    ['-a', false],
    ['a b', false],
    ['', false],
    ['a'.repeat(65), false],
  ])('%s: %s', (name, want) => {
    expect(isName(name)).toBe(want)
  })
})

it.each([
  ['work', true],
  ['Work-2.b_c', true],
  ['ada@example.com', true],
  ['ada+mcp@example.com', true],
  ['', false],
  ['a b', false],
  ['+a', false],
  ['a@', false],
  ['a@b@c', false],
  ['a/b', false],
  ['a'.repeat(65), false],
])('knows whether %s names an account', (name, good) => {
  expect(isAccount(name)).toBe(good)
})
