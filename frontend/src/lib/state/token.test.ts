import { expect, it } from 'vitest'
import { Fake } from '@/lib/api/fake'
import type { Report } from '@/lib/api/types'
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
