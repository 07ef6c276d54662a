import { expect, it } from 'vitest'
import { page } from 'vitest/browser'
import { render } from 'vitest-browser-svelte'
import type { Session } from '@/lib/api/activity'
import SessionLines from './SessionLines.svelte'

const now = Date.UTC(2026, 2, 14, 12)
const session = (id: string, more: Partial<Session> = {}): Session => {
  const at = { key: 'k', server: 'notes', account: 'default', front: 'stdio', transport: 'streamable-http', era: '' }
  const since = new Date(now - 65_000).toISOString()
  const none = { lastCall: null, lastFailure: '', calls: 0, failures: 0, pid: 1, canCapture: true, capturing: false }
  return { id, ...at, client: 'Cursor', clientVersion: '3.0', since, ...none, ...more }
}

it('says that nobody uses it', async () => {
  await render(SessionLines, { sessions: [], name: 'notes', now })
  await expect.element(page.getByText('No client uses it now.')).toBeVisible()
})

it('names each client, since when, its calls and its last failure', async () => {
  const failing = { client: '', calls: 1200, failures: 2, lastFailure: 'tools/call search: unreachable' }
  await render(SessionLines, { sessions: [session('a'), session('b', failing)], name: 'notes', now })
  const items = page.getByRole('list', { name: 'Clients that use notes now' }).getByRole('listitem')
  await expect.element(items.nth(0)).toHaveTextContent('Cursor 3.0 for 1 min 05 s · no calls yet')
  await expect.element(items.nth(1)).toHaveTextContent(/A client that has not said its name .*1,200 calls · 2 failed/)
  await expect.element(items.nth(1)).toHaveTextContent('Last failure: tools/call search: unreachable')
})

it('shows five of many', async () => {
  const many = Array.from({ length: 7 }, (_, i) => session(String(i)))
  await render(SessionLines, { sessions: many, name: 'notes', now })
  expect(page.getByRole('listitem').elements()).toHaveLength(5)
  await expect.element(page.getByText('2 more')).toBeVisible()
})
