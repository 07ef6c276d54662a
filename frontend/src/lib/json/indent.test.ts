import { expect, it } from 'vitest'
import { indent } from './indent'

it.each([
  ['{"a":1,"b":[true,null]}', '{\n  "a": 1,\n  "b": [\n    true,\n    null\n  ]\n}'],
  ['{"big":12345678901234567890.10}', '{\n  "big": 12345678901234567890.10\n}'],
  ['{"a":"x{,:}\\"[ "}', '{\n  "a": "x{,:}\\"[ "\n}'],
  ['{}', '{}'],
  ['[ ]', '[]'],
  ['{"a":{},"b":1}', '{\n  "a": {},\n  "b": 1\n}'],
  ['"text"', '"text"'],
  ['{\n  "a": 1\n}', '{\n  "a": 1\n}'],
])('%s', (json, want) => {
  expect(indent(json)).toBe(want)
})
