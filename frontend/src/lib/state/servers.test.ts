import { describe, expect, it } from 'vitest'
import { Fake } from '@/lib/api/fake'
import type { Server } from '@/lib/api/types'
import { Servers } from './servers.svelte'

const settle = () => new Promise((resolve) => setTimeout(resolve))

async function started(fake = new Fake({ signInTime: null })) {
  const servers = new Servers(fake)
  const end = servers.start()
  await settle()
  return { fake, servers, end }
}

function demo(servers: Servers): Server {
  const found = servers.find('demo')
  if (!found) throw new Error('the fake has no demo')
  return found
}

describe('accounts', () => {
  it('finds those of one server', async () => {
    const { servers } = await started(new Fake({ scene: 'accounts', signInTime: null }))
    const [issues, work, wiki] = servers.list
    if (!issues || !work || !wiki) throw new Error('the scene has three rows')
    expect(servers.accountsOf(work).map((s) => s.account)).toEqual(['default', 'work'])
    expect(servers.accountsOf(wiki)).toEqual([wiki])
    // An unnamed server may have the name of one that was added.
    expect(servers.accountsOf({ ...wiki, named: false })).toEqual([])
  })

  it('removes one and keeps a failure with it', async () => {
    const fake = new Fake({ scene: 'accounts', signInTime: null })
    const { servers } = await started(fake)
    const work = servers.find('issues@work')
    if (!work) throw new Error('the scene has it')
    expect(await servers.removeAccount(work)).toBe(true)
    expect(servers.list.map((s) => s.label)).toEqual(['issues', 'wiki'])
    fake.removeAccount = () => Promise.reject(new Error('locked'))
    expect(await servers.removeAccount(work)).toBe(false)
    expect(servers.notes.get('issues@work')?.problem.what).toBe('locked')
  })
})

describe('following the agent', () => {
  it('begins with a snapshot', async () => {
    const { servers } = await started()
    expect(servers.link).toEqual({ kind: 'connected' })
    expect(servers.list.map((s) => s.name)).toEqual(['demo', 'linear', 'notion', 'sentry', 'archive', 'wiki'])
    expect(servers.signedIn).toBe(2)
    expect(servers.waiting.map((s) => s.name)).toEqual(['linear', 'notion'])
  })

  it('takes a change and keeps the order', async () => {
    const { fake, servers } = await started()
    fake.emit({ seq: 2, server: { ...demo(servers), state: 'trouble' } })
    expect(servers.list[0]).toMatchObject({ name: 'demo', state: 'trouble' })
    expect(servers.list).toHaveLength(6)
  })

  it('appends a server that is new', async () => {
    const { fake, servers } = await started()
    fake.emit({ seq: 2, server: { ...demo(servers), key: 'other', name: 'other' } })
    expect(servers.list.at(-1)?.name).toBe('other')
  })

  it('drops a change that is older than what it has', async () => {
    const { fake, servers } = await started()
    fake.emit({ seq: 5, server: { ...demo(servers), state: 'trouble' } })
    fake.emit({ seq: 4, server: { ...demo(servers), state: 'signed_out' } })
    fake.emit({ seq: 3, snapshot: { seq: 3, version: '', servers: [], demo: false, problem: null, preferences: null } })
    expect(demo(servers).state).toBe('trouble')
  })

  it('forgets a server that was removed', async () => {
    const { fake, servers } = await started()
    fake.emit({ seq: 2, removed: 'demo' })
    expect(servers.find('demo')).toBeUndefined()
  })

  it('hears nothing more after its end', async () => {
    const { fake, servers, end } = await started()
    end()
    fake.emit({ seq: 2, removed: 'demo' })
    expect(servers.find('demo')).toBeDefined()
  })

  it('believes another agent, whose numbers start anew', async () => {
    const { fake, servers } = await started()
    fake.emit({ seq: 90, removed: 'demo' })
    fake.goAway()
    expect(servers.link).toMatchObject({ kind: 'away', problem: { code: 'agent_away' } })
    fake.comeBack()
    expect(servers.link).toEqual({ kind: 'connected' })
    expect(servers.find('demo')).toBeDefined()
    fake.emit({ seq: 2, removed: 'demo' })
    expect(servers.find('demo')).toBeUndefined()
  })

  it('does not let the answer of an earlier agent speak for the new one', async () => {
    const fake = new Fake()
    let answer: () => void = () => undefined
    const old = await fake.snapshot()
    fake.snapshot = () =>
      new Promise((resolve) => {
        answer = () => resolve({ ...old, seq: 900, servers: [] })
      })
    const servers = new Servers(fake)
    servers.start()
    fake.comeBack()
    answer()
    await settle()
    expect(servers.list).toHaveLength(6)
  })

  it('says why when there is no agent at the start, and comes back', async () => {
    const { fake, servers } = await started(new Fake({ scene: 'away' }))
    expect(servers.link).toMatchObject({ kind: 'away', problem: { code: 'agent_away' } })
    fake.comeBack()
    await servers.retry()
    expect(servers.link).toEqual({ kind: 'connected' })
  })
})

describe('what a person does', () => {
  it('signs in by way of the browser', async () => {
    const { fake, servers } = await started()
    await servers.signIn('wiki')
    expect(servers.find('wiki')).toMatchObject({ state: 'signing_in', signIn: { url: '', browserOpened: false } })
    fake.finishSignIn('wiki')
    expect(servers.find('wiki')).toMatchObject({ state: 'signed_in', signIn: null })
  })

  it('cancels a sign-in', async () => {
    const { servers } = await started()
    const sentry = servers.find('sentry')
    if (!sentry) throw new Error('the fake has no sentry')
    await servers.cancelSignIn(sentry)
    expect(servers.find('sentry')).toMatchObject({ state: 'signed_out', signIn: null })
  })

  it('keeps what went wrong beside the server until the next attempt', async () => {
    const { fake, servers } = await started()
    fake.goAway()
    await servers.signOut('demo')
    expect(servers.notes.get('demo')).toMatchObject({ kind: 'bad', problem: { code: 'agent_away' } })
    expect(servers.busy.has('demo')).toBe(false)
    fake.comeBack()
    await servers.signOut('demo')
    expect(servers.notes.has('demo')).toBe(false)
    expect(demo(servers).state).toBe('signed_out')
  })

  it('warns when a token could not be revoked', async () => {
    const { servers } = await started()
    await servers.signOut('archive')
    expect(servers.notes.get('archive')).toMatchObject({ kind: 'warn', problem: { code: 'unreachable' } })
  })

  it('signs out everywhere and keeps what went wrong', async () => {
    const { servers } = await started()
    expect(servers.kept.map((s) => s.name)).toEqual(['demo', 'linear', 'notion', 'archive'])
    const outcomes = await servers.signOutEverywhere()
    expect(outcomes.filter((o) => o.problem !== null).map((o) => o.label)).toEqual(['archive'])
    expect(servers.kept).toEqual([])
    expect(servers.list.every((s) => s.state === 'signed_out')).toBe(true)
    expect([...servers.notes.keys()]).toEqual(['archive'])
    expect(servers.farewell).toBeNull()
  })

  it('keeps what went wrong with one that is not there any more', async () => {
    const { fake, servers } = await started()
    const problem = { code: 'storage', what: 'Unreadable.', next: '' }
    fake.signOutEverywhere = () => Promise.resolve([{ key: '', label: '', problem, stays: true }])
    await servers.signOutEverywhere()
    expect(servers.farewell).toEqual(problem)
  })

  it('adds and removes', async () => {
    const { servers } = await started()
    const added = await servers.add({ name: 'new', url: 'https://new.example.com/mcp' })
    expect(servers.list.filter((s) => s.key === added.key)).toHaveLength(1)
    expect(await servers.remove(added)).toBe(true)
    expect(servers.find(added.key)).toBeUndefined()
  })

  it('leaves the refusal of a new server to the form', async () => {
    const { servers } = await started()
    await expect(servers.add({ name: 'demo', url: 'https://x.example.com/mcp' })).rejects.toMatchObject({
      problem: { code: 'server_exists' },
    })
  })
})
