import { describe, expect, it } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { render } from 'vitest-browser-svelte'
import '@/lib/styles/tokens.css'
import '@/lib/styles/base.css'
import { Fake } from '@/lib/api/fake'
import type { Scene } from '@/lib/api/fakeScenes'
import { Desk } from '@/lib/state/desk.svelte'
import ClientsScreen from './ClientsScreen.svelte'

let desk: Desk

async function show(scene: Scene = 'mixed', change: (fake: Fake) => void = () => undefined) {
  const fake = new Fake({ scene })
  change(fake)
  desk = new Desk(fake)
  desk.servers.start()
  await render(ClientsScreen, { desk })
  return fake
}

const button = (name: string) => page.getByRole('button', { name, exact: true })
const card = (name: string) => page.getByRole('article', { name, exact: true })
const dialog = () => page.getByRole('dialog')
const diff = () => dialog().getByRole('region', { name: /^Change to / })

describe('the list', () => {
  it('says what each is connected to, and where its settings are', async () => {
    await show()
    await expect.element(card('Claude Desktop')).toHaveTextContent('claude_desktop_config.json')
    const list = page.getByRole('list', { name: 'Servers that Claude Desktop is connected to' })
    await expect.element(list.getByRole('listitem').first()).toHaveTextContent('demo')
    await expect.element(card('Claude Code')).toHaveTextContent('Not connected to any server')
  })

  it('leaves a file alone that it cannot read', async () => {
    await show()
    await expect.element(card('Zed')).toHaveTextContent('is no valid JSON: line 14')
    await expect.element(button('Connect\u2026 Zed')).toBeDisabled()
  })

  it('leads to where a server is added when there is none', async () => {
    await show('empty')
    await expect.element(button('Connect\u2026 Claude Code')).toBeDisabled()
    await button('Add a server').click()
    expect(desk.router.route.screen).toBe('servers')
  })

  it('says why it cannot be shown, and tries again', async () => {
    const fake = await show('mixed', (fake) => {
      fake.clients.list = () => Promise.reject(new Error('The agent has ended.'))
    })
    await expect.element(page.getByRole('alert')).toHaveTextContent('The agent has ended.')
    fake.clients.list = () => new Fake().clients.list()
    await button('Try again').click()
    await expect.element(card('Claude Desktop')).toBeVisible()
  })
})

describe('a change', () => {
  it('is shown, written, and taken back', async () => {
    const fake = await show()
    await button('Connect\u2026 Claude Code').click()
    await expect.element(diff()).toHaveTextContent('Added: "args": ["stdio", "demo"]')
    await page.getByLabelText('Server', { exact: true }).selectOptions('wiki')
    await expect.element(diff()).toHaveTextContent('["stdio", "wiki"]')
    expect(fake.clients.applied).toEqual([])

    await button('Write the change').click()
    await expect.element(dialog().getByRole('status')).toHaveTextContent('Claude Code is connected to wiki.')
    await expect.element(dialog()).toHaveTextContent('.claude.json.drawbridge-20260314-120000')
    await expect.element(button('Close')).toHaveFocus()
    await button('Undo').click()
    await expect.element(dialog().getByRole('status')).toHaveTextContent('The change has been taken back.')
    await expect.element(button('Close')).toHaveFocus()
    await userEvent.keyboard('{Enter}')
    await expect.element(dialog()).not.toBeInTheDocument()
    await expect.element(button('Connect\u2026 Claude Code')).toHaveFocus()
    await expect.element(card('Claude Code')).toHaveTextContent('Not connected to any server')
  })

  it('is not written when the file changed in between', async () => {
    const fake = await show()
    await button('Connect\u2026 Claude Code').click()
    await expect.element(diff()).toBeVisible()
    fake.clients.edit()
    await button('Write the change').click()
    await expect.element(dialog().getByRole('alert')).toHaveTextContent('Nothing has been written.')
    await expect.element(diff()).toBeVisible()
    expect(fake.clients.applied).toEqual([])
    await button('Write the change').click()
    await expect.element(dialog().getByRole('status')).toHaveTextContent('is connected to demo')
  })

  it('replaces an entry that is not Drawbridge\u2019s only when told to', async () => {
    const fake = await show()
    await button('Connect\u2026 Claude Code').click()
    await page.getByLabelText('Server', { exact: true }).selectOptions('linear')
    await expect.element(dialog().getByRole('alert')).toHaveTextContent("is not Drawbridge's")
    await button('Put Drawbridge in its place').click()
    await expect.element(diff()).toBeVisible()
    await button('Write the change').click()
    await expect.poll(() => fake.clients.applied).toMatchObject([{ server: 'linear', replace: true }])
  })

  it('has nothing to write for what is connected already', async () => {
    await show()
    await button('Connect\u2026 Claude Desktop').click()
    await expect.element(dialog()).toHaveTextContent('it is connected already')
    await expect.element(button('Write the change')).toBeDisabled()
  })

  it('disconnects one entry, and the focus is not lost with it', async () => {
    await show()
    await button('Disconnect\u2026 demo from Claude Desktop').click()
    await expect.element(page.getByRole('dialog', { name: 'Disconnect demo from Claude Desktop' })).toBeVisible()
    await expect.element(diff()).toHaveTextContent('Removed: "demo": {')
    await button('Write the change').click()
    await button('Close').click()
    await expect.element(button('Disconnect\u2026 demo from Claude Desktop')).not.toBeInTheDocument()
    await expect.element(page.getByRole('heading', { name: 'Clients' })).toHaveFocus()
  })
})
