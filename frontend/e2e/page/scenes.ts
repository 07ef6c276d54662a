import { expect, type Page } from '@playwright/test'

// Every screen, and every state that it can be in, with the fake agent.

export const noon = new Date('2026-03-14T12:00:00Z')

export interface Screen {
  name: string
  scene: string
  open?: (page: Page) => Promise<void>
}

const go = (page: Page, screen: string) =>
  page.getByRole('navigation').getByRole('button', { name: screen, exact: true }).click()

async function examine(page: Page, server?: string) {
  if (server !== undefined) await page.getByLabel('Server', { exact: true }).selectOption(server)
  await page.getByRole('button', { name: 'Examine' }).click()
  // Each line takes a turn of the clock, which stands still.
  for (let i = 0; i < 40; i++) await page.clock.runFor(10)
}

/** What fake.ts puts into the page. */
interface FakeInPage {
  fake: { clients: { edit(): void }; finishSignIn(key: string): void }
}

export const screens: Screen[] = [
  { name: 'servers', scene: 'mixed' },
  { name: 'three', scene: 'three' },
  {
    name: 'another-way',
    scene: 'three',
    open: async (page) => {
      await page.getByRole('button', { name: 'Sign in: wiki' }).click()
      await page.clock.runFor(500)
      await expect(page.getByRole('button', { name: /another device: wiki/ })).toBeVisible()
      // A control half below the navigation is too small a target.
      await page.getByRole('heading', { level: 1 }).scrollIntoViewIfNeeded()
    },
  },
  { name: 'empty', scene: 'empty' },
  { name: 'away', scene: 'away' },
  {
    name: 'loading',
    scene: 'loading',
    // It holds back a moment, lest it flash.
    open: async (page) => expect(page.getByRole('status')).toBeVisible(),
  },
  { name: 'no-keychain', scene: 'no_keychain' },
  { name: 'long', scene: 'long' },
  {
    name: 'token',
    scene: 'mixed',
    open: async (page) => {
      await page.getByRole('button', { name: 'View token: demo' }).click()
      await expect(page.getByRole('heading', { name: 'Claims' })).toBeVisible()
    },
  },
  {
    name: 'opaque',
    scene: 'opaque',
    open: async (page) => {
      await page.getByRole('button', { name: 'View token: github' }).click()
      await expect(page.getByText('This token cannot be read')).toBeVisible()
    },
  },
  {
    name: 'inspect-empty',
    scene: 'mixed',
    open: async (page) => page.getByRole('button', { name: 'Inspect a token' }).click(),
  },
  {
    name: 'inspect',
    scene: 'away', // It needs no agent.
    open: async (page) => {
      await page.getByRole('button', { name: 'Inspect a token' }).click()
      await page.getByLabel('Token', { exact: true }).fill('eyJh.eyJp.c2ln')
      await expect(page.getByRole('heading', { name: 'Claims' })).toBeVisible()
    },
  },
  {
    name: 'inspect-error',
    scene: 'mixed',
    open: async (page) => {
      await page.getByRole('button', { name: 'Inspect a token' }).click()
      await page.getByLabel('Token', { exact: true }).fill('two words')
      await expect(page.getByRole('alert')).toBeVisible()
    },
  },
  {
    name: 'add',
    scene: 'mixed',
    open: async (page) => {
      await page.getByRole('button', { name: 'Add server' }).click()
      await page.getByLabel('Server address').fill('https://mcp.linear.app/mcp')
    },
  },
  {
    name: 'add-presets',
    scene: 'mixed',
    open: async (page) => page.getByRole('button', { name: 'Add server' }).click(),
  },
  {
    name: 'add-found',
    scene: 'mixed',
    open: async (page) => {
      await page.getByRole('button', { name: 'Add server' }).click()
      await page.getByLabel('Server address').fill('https://notes.example/mcp')
      await page.getByLabel('Name').focus()
      await page.clock.runFor(500)
      await expect(page.getByRole('region', { name: 'What was found' })).toContainText('mcp:tools')
    },
  },
  {
    name: 'add-by-hand',
    scene: 'mixed',
    open: async (page) => {
      await page.getByRole('button', { name: 'Add server' }).click()
      await page.getByRole('button', { name: 'GitHub' }).click()
      await page.clock.runFor(500)
      await expect(page.getByLabel('Client ID')).toBeVisible()
    },
  },
  {
    name: 'add-nothing-found',
    scene: 'mixed',
    open: async (page) => {
      await page.getByRole('button', { name: 'Add server' }).click()
      await page.getByLabel('Server address').fill('https://nobody.example/mcp')
      await page.getByLabel('Name').focus()
      await page.clock.runFor(500)
      await expect(page.getByRole('button', { name: 'Look again' })).toBeVisible()
    },
  },
  {
    name: 'add-errors',
    scene: 'mixed',
    open: async (page) => {
      await page.getByRole('button', { name: 'Add server' }).click()
      await page.getByLabel('Server address').fill('http://mcp.example.com/mcp')
      await page.getByLabel('Name').fill('demo')
      await page.getByText('More options').click()
      await page.getByRole('button', { name: 'Add and sign in' }).click()
    },
  },
  { name: 'accounts', scene: 'accounts' },
  { name: 'device', scene: 'device' },
  {
    name: 'add-account',
    scene: 'accounts',
    open: async (page) => {
      await page.getByRole('button', { name: 'Add another account: issues' }).click()
      await page.getByLabel('Name of the account').fill('work')
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    },
  },
  {
    name: 'remove-accounts',
    scene: 'accounts',
    open: async (page) => {
      await page.getByRole('button', { name: 'Remove: issues' }).click()
    },
  },
  {
    name: 'everywhere',
    scene: 'accounts',
    open: async (page) => {
      await page.getByRole('button', { name: 'Sign out everywhere\u2026' }).click()
      await expect(page.getByRole('button', { name: 'Sign out of all 3' })).toBeVisible()
    },
  },
  {
    name: 'everywhere-working',
    scene: 'mixed&signOutTime=60000',
    open: async (page) => {
      await page.getByRole('button', { name: 'Sign out everywhere\u2026' }).click()
      await page.getByRole('button', { name: 'Sign out of all 4' }).click()
      await expect(page.getByText('0 of 4 done')).toBeVisible()
    },
  },
  {
    name: 'everywhere-over',
    scene: 'mixed',
    open: async (page) => {
      await page.getByRole('button', { name: 'Sign out everywhere\u2026' }).click()
      await page.getByRole('button', { name: 'Sign out of all 4' }).click()
      await page.clock.runFor(100)
      await expect(page.getByText('not every provider could be told')).toBeVisible()
    },
  },
  {
    name: 'everywhere-long',
    scene: 'long',
    open: async (page) => {
      await page.getByRole('button', { name: 'Sign out everywhere\u2026' }).click()
    },
  },
  {
    name: 'remove',
    scene: 'mixed',
    open: async (page) => {
      await page.getByRole('button', { name: 'Remove: wiki' }).click()
    },
  },
  {
    name: 'clients',
    scene: 'mixed',
    open: async (page) => {
      await go(page, 'Clients')
      await expect(page.getByRole('article', { name: 'Claude Desktop' })).toBeVisible()
    },
  },
  {
    name: 'clients-none',
    scene: 'no_keychain',
    open: async (page) => {
      await go(page, 'Clients')
      await expect(page.getByText('No MCP client found')).toBeVisible()
    },
  },
  {
    name: 'clients-no-server',
    scene: 'empty',
    open: async (page) => {
      await go(page, 'Clients')
      await expect(page.getByText('There is no server to connect a client to yet.')).toBeVisible()
    },
  },
  {
    name: 'first-run',
    scene: 'empty',
    open: async (page) => {
      await page.getByRole('button', { name: 'Try the built-in demo' }).click()
      await expect(page.getByRole('article', { name: 'demo' })).toContainText('Signing in')
    },
  },
  {
    name: 'first-run-end',
    scene: 'empty',
    open: async (page) => {
      await page.getByRole('button', { name: 'Try the built-in demo' }).click()
      await expect(page.getByRole('article', { name: 'demo' })).toContainText('Signing in')
      await page.evaluate(() => (window as unknown as FakeInPage).fake.finishSignIn('demo'))
      await expect(page.getByRole('button', { name: 'Connect a client' })).toBeVisible()
    },
  },
  {
    name: 'clients-long',
    scene: 'long',
    open: async (page) => {
      await go(page, 'Clients')
      await page.getByText('Not found here').click()
    },
  },
  {
    name: 'clients-change',
    scene: 'mixed',
    open: async (page) => {
      await go(page, 'Clients')
      await page.getByRole('button', { name: 'Connect\u2026 Claude Code' }).click()
      await expect(page.getByRole('region', { name: /^Change to/ })).toBeVisible()
    },
  },
  {
    name: 'clients-changed',
    scene: 'mixed',
    open: async (page) => {
      await go(page, 'Clients')
      await page.getByRole('button', { name: 'Disconnect\u2026 demo from Claude Desktop' }).click()
      await expect(page.getByRole('region', { name: /^Change to/ })).toBeVisible()
      await page.evaluate(() => (window as unknown as FakeInPage).fake.clients.edit())
      await page.getByRole('button', { name: 'Write the change' }).click()
      await expect(page.getByRole('alert')).toBeVisible()
    },
  },
  {
    name: 'clients-written',
    scene: 'mixed',
    open: async (page) => {
      await go(page, 'Clients')
      await page.getByRole('button', { name: 'Connect\u2026 Claude Code' }).click()
      await page.getByRole('button', { name: 'Write the change' }).click()
      await expect(page.getByRole('button', { name: 'Undo' })).toBeVisible()
    },
  },
  {
    name: 'doctor',
    scene: 'mixed',
    open: async (page) => {
      await go(page, 'Doctor')
      await examine(page, 'notion')
      await expect(page.getByText('It cannot work like this')).toBeVisible()
    },
  },
  { name: 'doctor-idle', scene: 'empty', open: async (page) => go(page, 'Doctor') },
  {
    name: 'doctor-running',
    scene: 'mixed&doctorStep=never',
    open: async (page) => {
      await go(page, 'Doctor')
      await examine(page, 'demo')
      await expect(page.getByText('5 answers so far')).toBeVisible()
    },
  },
  {
    name: 'doctor-long',
    scene: 'long',
    open: async (page) => {
      await go(page, 'Doctor')
      await examine(page)
      await page.getByText('HTTP traffic, without secrets').click()
      await page.getByRole('region', { name: 'HTTP traffic' }).scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'activity',
    scene: 'mixed',
    open: async (page) => {
      await go(page, 'Activity')
      await expect(page.getByText('Claude Code').first()).toBeVisible()
    },
  },
  { name: 'settings', scene: 'mixed', open: async (page) => go(page, 'Settings') },
  {
    name: 'settings-network',
    scene: 'mixed',
    open: async (page) => {
      await go(page, 'Settings')
      await page.getByRole('button', { name: 'Choose file\u2026 Certificate authorities of demo' }).click()
      await page.getByLabel('Proxy of demo').selectOption('One of its own\u2026')
      await page.getByLabel('Address of the proxy').fill('proxy')
      await page.getByRole('button', { name: 'Save' }).click()
      await expect(page.getByLabel('Address of the proxy')).toHaveAccessibleDescription(/not a URL/)
      await expect(page.getByRole('button', { name: 'Undo' })).toBeVisible()
      // Nothing half below the bar on top of a narrow window.
      await page.getByRole('heading', { name: 'Network' }).evaluate((heading) => heading.scrollIntoView())
      await page.evaluate(() => window.scrollBy(0, -24))
    },
  },
  {
    name: 'settings-end',
    scene: 'long',
    open: async (page) => {
      await go(page, 'Settings')
      await page.getByText('Drawbridge 0.0.0-fake').scrollIntoViewIfNeeded()
    },
  },
]

/** Opens it, with a clock that stands at noon. */
export async function show(page: Page, screen: Screen): Promise<void> {
  await page.clock.install({ time: noon })
  await page.goto(`/?scene=${screen.scene}&signInTime=never`)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await page.clock.runFor(500)
  await screen.open?.(page)
}
