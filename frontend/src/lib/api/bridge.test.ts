import { beforeEach, expect, it, vi } from 'vitest'
import { bridge } from './bridge'
import { ApiError, type Change } from './types'

// Go as Wails puts it into the window: nil slices and pointers are null.
const raw = { key: 'k', name: 'demo', state: 'signed_out', scopes: null, problem: null, signIn: null }
const listeners = new Map<string, (payload: unknown) => void>()
const app = {
  Snapshot: vi.fn(() => Promise.resolve({ seq: 1, version: 'v', servers: null, problem: null })),
  AddServer: vi.fn(() => Promise.resolve(raw)),
  AddAccount: vi.fn(() => Promise.resolve({ id: 's1', url: '', done: false })),
  RemoveAccount: vi.fn(() => Promise.resolve(null)),
  SignOut: vi.fn((): Promise<unknown> => Promise.resolve(null)),
  SignOutEverywhere: vi.fn((): Promise<unknown> => Promise.resolve(null)),
  Token: vi.fn(() => Promise.resolve({ format: 'opaque', header: null, claims: null, audience: null, scopes: null })),
}

beforeEach(() => {
  listeners.clear()
  vi.stubGlobal('window', {
    go: { main: { App: app } },
    runtime: {
      EventsOnMultiple: (name: string, call: (payload: unknown) => void) => {
        listeners.set(name, call)
        return () => listeners.delete(name)
      },
    },
  })
})

it('makes lists of Go\u2019s nil slices', async () => {
  expect(await bridge().snapshot()).toMatchObject({ servers: [], problem: null })
  expect(await bridge().addServer({ name: 'demo', url: 'https://x' })).toMatchObject({ scopes: [], expiresAt: null })
  expect(await bridge().token('k')).toMatchObject({ claims: [], checks: [], expiresAt: null })
})

it('adds and removes accounts', async () => {
  expect(await bridge().addAccount('demo', 'work')).toMatchObject({ id: 's1', problem: null })
  expect(app.AddAccount).toHaveBeenCalledWith('demo', 'work')
  expect(await bridge().removeAccount('demo@work')).toBeNull()
  expect(app.RemoveAccount).toHaveBeenCalledWith('demo@work')
})

it('signs out everywhere', async () => {
  expect(await bridge().signOutEverywhere()).toEqual([])
  app.SignOutEverywhere.mockResolvedValueOnce([{ key: 'k', label: 'demo', stays: false }])
  expect(await bridge().signOutEverywhere()).toEqual([{ key: 'k', label: 'demo', stays: false, problem: null }])
})

it('rejects with the Problem that Go gave', async () => {
  app.SignOut.mockRejectedValueOnce(new Error('{"code":"unreachable","what":"Away.","next":"Wait."}'))
  const failure = await bridge()
    .signOut('k')
    .catch((e: unknown) => e)
  expect(failure).toBeInstanceOf(ApiError)
  expect(failure).toMatchObject({ problem: { code: 'unreachable', next: 'Wait.' } })
})

it('passes changes on until the subscription ends', () => {
  const changes: Change[] = []
  const end = bridge().subscribe({ connected: vi.fn(), away: vi.fn(), changed: (c) => changes.push(c) })
  listeners.get('change')?.({ seq: 7, server: raw })
  expect(changes).toMatchObject([{ seq: 7, server: { key: 'k', scopes: [] } }])
  expect([...listeners.keys()].sort()).toEqual(['away', 'change', 'connected', 'link'])
  end()
  expect(listeners.size).toBe(0)
})
