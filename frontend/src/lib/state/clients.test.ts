import { expect, it } from 'vitest'
import { FakeClients } from '@/lib/api/fakeClients'
import { Clients } from './clients.svelte'

async function open(server = 'wiki', client = 'claude-code', remove = false) {
  const api = new FakeClients('mixed')
  const clients = new Clients(api)
  await clients.load()
  const change = clients.change(client, server, remove)
  await change.preview()
  return { api, clients, change }
}

it('lists those that were found first', async () => {
  const { clients } = await open()
  expect(clients.found.map((c) => c.id)).toEqual(['claude-desktop', 'claude-code', 'vscode', 'zed'])
  expect(clients.others.every((c) => !c.found)).toBe(true)
})

it('keeps the list that is on show until the next answer, and the last answer only', async () => {
  const { api, clients } = await open()
  const answers: ((list: never[]) => void)[] = []
  api.list = () => new Promise((resolve) => answers.push(resolve))
  const first = clients.load()
  const second = clients.load()
  expect(clients.state.kind).toBe('ready')
  answers[1]?.([])
  await second
  answers[0]?.([{ id: 'stale' } as never])
  await first
  expect(clients.state).toEqual({ kind: 'ready', list: [] })
})

it('says why the clients cannot be listed', async () => {
  const { api, clients } = await open()
  api.list = () => Promise.reject(new Error('No.'))
  await clients.load()
  expect(clients.state).toMatchObject({ kind: 'failed', problem: { what: 'No.' } })
})

it('writes what was shown, with its digest, and lists anew', async () => {
  const { api, clients, change } = await open()
  expect(change.state).toMatchObject({ kind: 'shown', changed: false })
  await change.write()
  expect(change.state).toMatchObject({
    kind: 'done',
    result: { backup: expect.stringContaining('.claude.json') as string },
  })
  expect(api.applied).toMatchObject([{ client: 'claude-code', server: 'wiki', remove: false, replace: false }])
  await expect
    .poll(() => clients.found.find((c) => c.id === 'claude-code')?.entries)
    .toEqual([{ name: 'wiki', server: 'wiki' }])
})

it('writes nothing when the file changed in between, and shows the change anew', async () => {
  const { api, change } = await open()
  api.edit()
  await change.write()
  expect(api.applied).toEqual([])
  expect(change.state).toMatchObject({ kind: 'shown', changed: true })
  await change.write()
  expect(api.applied).toHaveLength(1)
})

it('replaces somebody else\u2019s entry only when a person says so', async () => {
  const { api, change } = await open('linear')
  expect(change.state.kind).toBe('foreign')
  await change.write()
  expect(api.applied).toEqual([])
  await change.preview(true)
  await change.write()
  expect(api.applied).toMatchObject([{ server: 'linear', replace: true }])
})

it('takes back a connection, and a disconnection', async () => {
  const { api, change } = await open()
  await change.write()
  await change.undo()
  expect(change.state.kind).toBe('undone')
  expect(api.applied.map((c) => c.remove)).toEqual([false, true])

  const other = await open('demo', 'claude-desktop', true)
  await other.change.write()
  await other.change.undo()
  expect(other.api.applied.map((c) => c.remove)).toEqual([true, false])
})

it('says why it could not be taken back, and lets the person try again', async () => {
  const { api, change } = await open()
  await change.write()
  const real = api.apply.bind(api)
  api.apply = () => Promise.reject(new Error('Read-only.'))
  await change.undo()
  expect(change.state).toMatchObject({ kind: 'done', undoing: false, problem: { what: 'Read-only.' } })
  api.apply = real
  await change.undo()
  expect(change.state.kind).toBe('undone')
})

it('refuses with the words of the agent', async () => {
  const { change } = await open('nobody', 'claude-code', true)
  expect(change.state).toMatchObject({ kind: 'refused', problem: { code: 'usage' } })
})
