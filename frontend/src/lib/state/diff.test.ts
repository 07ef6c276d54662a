import { expect, it } from 'vitest'
import { parseDiff } from './diff'

it('tells what came, what went and what stayed, without the head', () => {
  const diff = [
    '--- /home/ada/.cursor/mcp.json',
    '+++ /home/ada/.cursor/mcp.json',
    '@@ -1,3 +1,4 @@',
    ' {',
    '-  "a": 1',
    '\\ No newline at end of file',
    '+  "a": 1,',
    '+  "b": "-- not a head"',
    '',
  ]
  expect(parseDiff(diff.join('\n'))).toEqual([
    { kind: 'same', text: '{' },
    { kind: 'removed', text: '  "a": 1' },
    { kind: 'added', text: '  "a": 1,' },
    { kind: 'added', text: '  "b": "-- not a head"' },
  ])
})

it('sets hunks apart and has nothing to say of no change', () => {
  expect(parseDiff('@@ -1 +1 @@\n x\n@@ -9 +9 @@\n y\n').map((l) => l.kind)).toEqual(['same', 'gap', 'same'])
  expect(parseDiff('')).toEqual([])
})
