import { parse, type AST } from 'svelte/compiler'
import { describe, expect, test } from 'vitest'

// What holds for the source of every part of the page.

const sources = import.meta.glob<string>(['./**/*.{ts,svelte}', '!./**/*.test.ts', '!./wailsjs/**'], {
  query: '?raw',
  import: 'default',
  eager: true,
})
const scripts = Object.keys(sources)
const parts = scripts.filter((path) => path.endsWith('.svelte'))
const source = (path: string) => sources[path] ?? ''

/** Attributes that a person reads or hears. */
const spoken = new Set([
  'alt',
  'aria-description',
  'aria-label',
  'aria-roledescription',
  'label',
  'placeholder',
  'title',
])

/** Every node of the markup, in no order. Styles and scripts are none. */
function* nodes(part: string): Generator<AST.BaseNode & Record<string, unknown>> {
  const rest: unknown[] = [parse(source(part), { modern: true }).fragment]
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
    if (node === null || typeof node !== 'object') continue
    if ('type' in node) yield node as AST.BaseNode & Record<string, unknown>
    rest.push(...Object.values<unknown>(node as Record<string, unknown>).filter((value) => value !== undefined))
  }
}

/** The same in every language. */
const names = new Set(['JSON', 'CSV', 'MCP'])

const words = (text: unknown) => typeof text === 'string' && /\p{L}/u.test(text) && !names.has(text.trim())

/** The words that stand in the markup itself and that a person would see or hear. */
function loose(part: string): string[] {
  const found: string[] = []
  for (const node of nodes(part)) {
    if (node.type === 'Literal') {
      // A sentence, or a word that begins one; what else stands between quotes is a name.
      const value = node['value']
      if (words(value) && /^\p{Lu}\p{Ll}|\p{L}\s\p{L}/u.test(String(value))) found.push(String(value))
    } else if (node.type === 'Attribute') {
      const parts = Array.isArray(node['value']) ? (node['value'] as { type: string; data?: string }[]) : []
      const text = parts.map((each) => (each.type === 'Text' ? (each.data ?? '') : '')).join('')
      if (spoken.has(String(node['name'])) && words(text)) found.push(`${String(node['name'])}="${text}"`)
    } else if ('fragment' in node || 'nodes' in node) {
      const fragment = (node['fragment'] ?? node) as { nodes?: { type: string; data?: string }[] }
      for (const each of fragment.nodes ?? []) if (each.type === 'Text' && words(each.data)) found.push(each.data ?? '')
    }
  }
  return found
}

describe('the source of the page', () => {
  test('is all looked at', () => {
    expect(parts.length).toBeGreaterThan(50)
    expect(loose('./features/servers/AddServer.svelte')).toEqual([])
  })

  test.each(parts)('%s: what a person reads is in the language file', (part) => {
    expect(loose(part)).toEqual([])
  })

  test.each(scripts)('%s makes markup of no text, and runs none', (path) => {
    const unsafe =
      /\{@html|\b(innerHTML|outerHTML|insertAdjacentHTML|srcdoc|createContextualFragment)\b|document\.write|\beval\(|new Function/
    expect(unsafe.exec(source(path))?.[0]).toBeUndefined()
  })

  test.each(parts)('%s loads nothing from elsewhere', (part) => {
    expect(/\b(src|srcset|poster|href)="?(https?:)?\/\//.exec(source(part))?.[0]).toBeUndefined()
    expect(/url\(|@import/.exec(source(part))?.[0]).toBeUndefined()
  })
})
