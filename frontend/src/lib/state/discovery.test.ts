import { expect, it, vi } from 'vitest'
import type { DoctorApi, DoctorReport } from '@/lib/api/doctor'
import { FakeDoctor } from '@/lib/api/fakeDoctor'
import { Discovery } from './discovery.svelte'

const fake = () => new FakeDoctor({ scene: 'mixed', now: Date.now, step: 0 })

it('finds out how a server wants to be signed in to', async () => {
  const discovery = new Discovery(fake())
  const look = discovery.look('https://notes.example/mcp')
  expect(discovery.state.kind).toBe('looking')
  await look
  expect(discovery.state).toMatchObject({ kind: 'found', found: { registration: 'dynamic', scopes: ['mcp:tools'] } })
})

it('says why nothing can be found out', async () => {
  const discovery = new Discovery(fake())
  await discovery.look('https://nobody.example/mcp')
  expect(discovery.state).toMatchObject({ kind: 'failed', problem: { code: 'not_mcp' } })
})

it('takes no answer about another address, and cancels the earlier question', async () => {
  const answers: ((report: DoctorReport) => void)[] = []
  const cancel = vi.fn()
  const api: DoctorApi = { examine: () => ({ report: new Promise((resolve) => answers.push(resolve)), cancel }) }
  const discovery = new Discovery(api)
  void discovery.look('https://one.example')
  void discovery.look('https://two.example')
  expect(cancel).toHaveBeenCalledOnce()
  const found = { name: 'One', provider: '', issuer: 'https://as', registration: '' as const, redirectUri: '' }
  answers[0]?.({ found: { ...found, secret: false, scopes: [], open: false } } as unknown as DoctorReport)
  await new Promise((resolve) => setTimeout(resolve))
  expect(discovery.state.kind).toBe('looking')
  expect(discovery.address).toBe('https://two.example')
})
