import { expect, it } from 'vitest'
import { opaqueReport } from '@/lib/api/fakeScenes'
import { ApiError, type Report } from '@/lib/api/types'
import { Pasted } from './pasted.svelte'

it('reads what is pasted, and forgets it when it is taken out', async () => {
  const pasted = new Pasted({ inspect: () => Promise.resolve(opaqueReport) })
  pasted.text = 'abc'
  await expect.poll(() => pasted.state).toEqual({ kind: 'read', report: opaqueReport })
  pasted.text = ' '
  await expect.poll(() => pasted.state).toEqual({ kind: 'empty' })
})

it('says what is wrong with it', async () => {
  const problem = { code: 'usage', what: 'That is not one token.', next: 'Paste it alone.' }
  const pasted = new Pasted({ inspect: () => Promise.reject(new ApiError(problem)) })
  pasted.text = 'a b'
  await expect.poll(() => pasted.state).toEqual({ kind: 'failed', problem })
})

it('takes no answer to an earlier question', async () => {
  const answers: ((report: Report) => void)[] = []
  const pasted = new Pasted({ inspect: () => new Promise((resolve) => answers.push(resolve)) })
  pasted.text = 'one'
  pasted.text = 'two'
  answers[1]?.({ ...opaqueReport, issuer: 'two' })
  await expect.poll(() => pasted.state).toMatchObject({ report: { issuer: 'two' } })
  answers[0]?.({ ...opaqueReport, issuer: 'one' })
  await Promise.resolve()
  expect(pasted.state).toMatchObject({ report: { issuer: 'two' } })
})
