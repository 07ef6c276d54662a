import { statSync } from 'node:fs'
import { expect, test, type Page } from '@playwright/test'

// The pictures of docs/screenshots: every screen of the page, in both themes.
// Nothing is checked here but that each is there and small; page/ does the rest.

const folder = '../docs/screenshots'
const largest = 120_000 // bytes

interface Picture {
  name: string
  scene?: string
  open?: (page: Page) => Promise<void>
}

const go = (page: Page, screen: string) =>
  page.getByRole('navigation').getByRole('button', { name: screen, exact: true }).click()

const pictures: Picture[] = [
  { name: 'first-run', scene: 'empty' },
  { name: 'servers', scene: 'three' },
  {
    name: 'add-server',
    open: async (page) => {
      await page.getByRole('button', { name: 'Add server' }).click()
      await page.getByLabel('Server address').fill('https://notes.example/mcp')
      await page.getByLabel('Name').focus()
      await page.clock.runFor(500)
      await expect(page.getByRole('region', { name: 'What was found' })).toContainText('mcp:tools')
    },
  },
  {
    name: 'token',
    open: async (page) => {
      await page.getByRole('button', { name: 'View token: demo' }).click()
      await expect(page.getByRole('heading', { name: 'Claims' })).toBeVisible()
    },
  },
  {
    name: 'activity',
    open: async (page) => {
      await go(page, 'Activity')
      await expect(page.getByText('Claude Code').first()).toBeVisible()
    },
  },
  {
    name: 'charts',
    open: async (page) => {
      await go(page, 'Activity')
      await page.getByRole('radio', { name: 'Charts' }).check()
      await page.clock.runFor(1500)
      await expect(page.getByRole('figure', { name: 'Time to the answer' }).locator('canvas')).toBeVisible()
    },
  },
  {
    name: 'renewals',
    open: async (page) => {
      await go(page, 'Activity')
      await page.getByRole('radio', { name: 'Renewals' }).check()
      await expect(page.getByRole('table', { name: 'demo' })).toBeVisible()
    },
  },
  {
    name: 'inspect',
    open: async (page) => {
      await go(page, 'Inspect a token')
      await page.getByLabel('Token', { exact: true }).fill('eyJh.eyJp.c2ln')
      await expect(page.getByRole('heading', { name: 'Claims' })).toBeVisible()
    },
  },
  {
    name: 'doctor',
    scene: 'three',
    open: async (page) => {
      await go(page, 'Doctor')
      await page.getByLabel('Server', { exact: true }).selectOption('builds')
      await page.getByRole('button', { name: 'Examine' }).click()
      for (let i = 0; i < 40; i++) await page.clock.runFor(10)
      await page.getByLabel('Only what needs attention').check()
      await page.getByRole('heading', { level: 1 }).focus()
    },
  },
  {
    name: 'clients',
    open: async (page) => {
      await go(page, 'Clients')
      await expect(page.getByRole('article', { name: 'Claude Desktop' })).toBeVisible()
    },
  },
  {
    name: 'connect',
    open: async (page) => {
      await go(page, 'Clients')
      await page.getByRole('button', { name: 'Connect\u2026 Claude Code' }).click()
      await expect(page.getByRole('region', { name: /^Change to/ })).toBeVisible()
    },
  },
  { name: 'settings', open: async (page) => go(page, 'Settings') },
]

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(colorScheme, () => {
    // Nothing is caught half way from one colour to another.
    test.use({ colorScheme, viewport: { width: 1000, height: 680 }, contextOptions: { reducedMotion: 'reduce' } })
    for (const { name, scene = 'mixed', open } of pictures) {
      test(name, async ({ page }) => {
        await page.clock.install({ time: new Date('2026-03-14T12:00:00Z') })
        await page.goto(`/?scene=${scene}&signInTime=never`)
        await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
        await page.clock.runFor(500)
        await open?.(page)
        const path = `${folder}/${name}-${colorScheme}.png`
        await page.screenshot({ path })
        expect(statSync(path).size).toBeLessThanOrEqual(largest)
      })
    }
  })
}
