import { expect, it } from 'vitest'
import { text } from './en'
import { link } from './link'
import { time } from './time'

// That nothing is in the language file for nothing. (That all words are in it: source.test.ts.)

const components = import.meta.glob<string>('/src/**/*.svelte', { query: '?raw', import: 'default', eager: true })
const modules = import.meta.glob<string>(['/src/**/*.ts', '!/src/**/*.test.ts', '!/src/lib/i18n/*'], {
  query: '?raw',
  import: 'default',
  eager: true,
})

/** Where each text is: "servers.title". */
function leaves(of: unknown, path: string): string[] {
  if (typeof of !== 'object' || of === null || Array.isArray(of)) return [path]
  return Object.entries(of).flatMap(([key, value]) => leaves(value, path === '' ? key : `${path}.${key}`))
}

/** The paths that a source reads texts by; one that ends in a dot stands for all below it. */
function read(wrapped: string): string[] {
  const source = wrapped.replace(/\n\s*\./g, '.')
  const roots: Record<string, string> = {}
  for (const [, names = ''] of source.matchAll(/import \{([^}]*)\} from '(?:@\/lib\/i18n|\.)\/[a-z]+'/g)) {
    for (const [, name = '', own] of names.matchAll(/(\w+)(?: as (\w+))?/g)) {
      if (['text', 'link', 'time'].includes(name)) roots[own ?? name] = name === 'text' ? '' : `${name}.`
    }
  }
  for (const [, name = '', root = '', rest = ''] of source.matchAll(/const (\w+) = (\w+)\.([\w.]+)$/gm)) {
    if (root in roots) roots[name] = `${roots[root] ?? ''}${rest}.`
  }
  return Object.entries(roots).flatMap(([name, path]) =>
    [...source.matchAll(new RegExp(`(?<![\\w.])${name}\\??\\.([\\w.]+)(\\[)?`, 'g'))].map(
      ([, rest = '', index]) => `${path}${rest}${index ? '.' : ''}`,
    ),
  )
}

/** Those of the texts that no source reads. */
function unread(sources: readonly string[]): string[] {
  const used = sources.flatMap(read)
  const isUsed = (leaf: string) =>
    used.some((path) => path.startsWith(`${leaf}.`) || `${leaf}.`.startsWith(path.endsWith('.') ? path : `${path}.`))
  const all = [...leaves(text, ''), ...leaves(link, 'link'), ...leaves(time, 'time')]
  return all.filter((leaf) => !isUsed(leaf))
}

const sources = [...Object.values(components), ...Object.values(modules)]

it('has nothing that nobody says', () => {
  expect(unread(sources)).toEqual([])
})

it('would notice a text that is read no more', () => {
  const without = sources.map((source) => source.replaceAll('text.inspect.hint', ''))
  expect(unread(without)).toEqual(['inspect.hint'])
})
