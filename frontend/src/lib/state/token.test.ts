import { expect, it } from 'vitest'
import { Fake } from '@/lib/api/fake'
import { ApiError, type Report } from '@/lib/api/types'
import { Token } from './token.svelte'

it('explains the token', async () => {
  const token = new Token(new Fake(), 'demo')
  expect(token.state.kind).toBe('loading')
  await token.load()
  expect(token.state).toMatchObject({ kind: 'ready', report: { format: 'jwt' } })
})

it('says why there is none', async () => {
  const token = new Token(new Fake(), 'wiki')
  await token.load()
  expect(token.state).toMatchObject({ kind: 'failed', problem: { code: 'not_signed_in' } })
})

it('ignores an answer that a later one has overtaken', async () => {
  const fake = new Fake()
  const answers: ((report: Report) => void)[] = []
  fake.token = () => new Promise((resolve) => answers.push(resolve))
  const report = await new Fake().token('demo')
  const token = new Token(fake, 'demo')
  const loads = [token.load(), token.load()]
  answers[1]?.({ ...report, subject: 'new' })
  answers[0]?.({ ...report, subject: 'old' })
  await Promise.all(loads)
  expect(token.state).toMatchObject({ report: { subject: 'new' } })
})

it('says how the token differs from the one before it, and shows it without that, too', async () => {
  const fake = new Fake()
  const token = new Token(fake, 'demo')
  await token.load()
  expect(token.state).toMatchObject({ difference: { scopesAdded: ['mcp:resources'], scopesRemoved: ['mcp:prompts'] } })
  fake.tokenDifference = () => Promise.reject(new Error('away'))
  await token.load()
  expect(token.state).toMatchObject({ kind: 'ready', difference: null })
})

it('asks the provider about an opaque token, and about no other', async () => {
  const fake = new Fake({ scene: 'opaque' })
  const token = new Token(fake, 'github')
  await token.load()
  expect(token.answer).toMatchObject({ kind: 'said', answer: { active: true } })
  fake.askToken = () => Promise.reject(new ApiError({ code: 'unreachable', what: 'It is away.', next: '' }))
  await token.load()
  expect(token.answer).toMatchObject({ kind: 'failed', problem: { what: 'It is away.' } })

  const readable = new Token(new Fake(), 'demo')
  await readable.load()
  expect(readable.answer).toEqual({ kind: 'asking' })
})
