import { expect, test } from '@playwright/test'
import type {} from '../../src/lib/api/fake.ts'
import { tabTo } from '../keys.ts'

// Everything can be done without a mouse, and the focus is never lost.

test('add, sign in, read the token, sign out and remove by keyboard', async ({ page }) => {
  await page.goto('/?scene=empty&signInTime=never')
  await tabTo(page, 'Add server')
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Server address')).toBeFocused()
  await page.keyboard.type('https://mcp.linear.app/mcp')
  await page.keyboard.press('Tab')
  await expect(page.getByLabel('Name')).toBeFocused()
  await expect(page.getByLabel('Name')).toHaveValue('linear')
  await page.keyboard.press('Enter')

  const card = page.getByRole('article', { name: 'linear' })
  await expect(card).toContainText('Signing in')
  await page.evaluate(() => window.fake?.finishSignIn('linear'))
  await expect(card).toContainText('Signed in as ada@example.com')

  await tabTo(page, 'View token: linear')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Access token: linear' })).toBeFocused()
  await expect(page.getByRole('table', { name: 'Claims' })).toBeVisible()
  await tabTo(page, 'All servers')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: 'View token: linear' })).toBeFocused()

  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(card).toContainText('Signed out')
  await expect(card.getByRole('heading')).toBeFocused()

  await tabTo(page, 'Remove: linear')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: 'Keep' })).toBeFocused()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'No servers yet' })).toBeVisible()
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused()
})

test('add another account and remove it by keyboard', async ({ page }) => {
  await page.goto('/?scene=accounts&signInTime=never')
  await tabTo(page, 'Add another account: wiki')
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Name of the account')).toBeFocused()
  await page.keyboard.type('work')
  await page.keyboard.press('Enter')
  const card = page.getByRole('article', { name: 'wiki (work)' })
  await expect(card).toContainText('Signing in')
  await expect(page.getByRole('button', { name: 'Add another account: wiki' })).toBeFocused()
  await page.evaluate(() => window.fake?.finishSignIn('wiki@work'))
  await expect(card).toContainText('Signed in as grace@navy.example in navy')

  await tabTo(page, 'Remove account: wiki (work)')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(card).toBeHidden()
  await expect(page.getByRole('article', { name: 'wiki', exact: true })).toBeVisible()
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused()
})

test('sign out everywhere by keyboard', async ({ page }) => {
  const noon = new Date('2026-03-14T12:00:00Z')
  await page.clock.install({ time: noon })
  await page.goto('/?scene=mixed&signInTime=never&signOutTime=300')
  const open = page.getByRole('button', { name: 'Sign out everywhere\u2026' })
  await tabTo(page, 'Sign out everywhere\u2026')
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'Sign out everywhere' })
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused()
  await expect(dialog.getByRole('listitem')).toHaveText([
    'demo: ada@example.com',
    'linear: ada@engine.example',
    'notion: ada@example.com',
    'archive: ada@example.com',
  ])
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  await expect(open).toBeFocused()

  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  // The clock stands still, so that each state is there to be seen.
  await page.clock.pauseAt(new Date(noon.getTime() + 3_600_000))
  await page.keyboard.press('Enter')
  await expect(dialog.getByRole('status')).toContainText('0 of 4 done')
  await page.clock.runFor(400)
  await expect(dialog.getByRole('status')).toContainText('1 of 4 done')
  await page.clock.resume()
  await expect(dialog.getByRole('status')).toContainText('not every provider could be told')
  await expect(dialog).toContainText('auth.example.com does not answer')
  await expect(dialog.getByRole('button', { name: 'Close' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(dialog).toBeHidden()
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused()
  await expect(open).toBeHidden()
  await expect(page.getByText('None of 6 signed in.')).toBeVisible()
})

test('a dialog keeps the focus inside and gives it back', async ({ page }) => {
  await page.goto('/?scene=mixed')
  const add = page.getByRole('button', { name: 'Add server' })
  await add.press('Enter')
  const dialog = page.getByRole('dialog')
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press('Tab')
    const outside = await dialog.evaluate((d) => {
      const e = document.activeElement
      return e !== document.body && !d.contains(e)
    })
    expect(outside).toBe(false)
  }
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  await expect(add).toBeFocused()
})

test('without motion nothing turns', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.goto('/?scene=mixed')
  const spinner = page.getByRole('article', { name: 'sentry' }).locator('svg.spin')
  await expect(spinner).toHaveCSS('animation-name', 'none')
})

test('forced colours keep the states apart', async ({ page }) => {
  await page.emulateMedia({ forcedColors: 'active' })
  await page.goto('/?scene=mixed')
  for (const words of ['Signed in', 'Sign-in needed', 'Trouble', 'Signing in', 'Signed out']) {
    await expect(page.getByRole('article').getByText(words, { exact: true }).first()).toBeVisible()
  }
})

test('the policy of the page lets nothing in from elsewhere', async ({ page, request }) => {
  const html = await (await request.get('/')).text()
  const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/.exec(html)?.[1] ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/unsafe|\*|https?:/)

  const complaints: string[] = []
  const asked: string[] = []
  page.on('console', (m) => {
    // A browser asks for an icon of its own accord, once; the window has none to give.
    if (m.type() === 'error' && !m.location().url.endsWith('/favicon.ico')) complaints.push(m.text())
  })
  page.on('request', (r) => asked.push(new URL(r.url()).origin))
  await page.goto('/?scene=mixed')
  await page.getByRole('button', { name: 'View token: demo' }).click()
  await expect(page.getByRole('heading', { name: 'Claims' })).toBeVisible()
  expect(complaints).toEqual([])
  expect([...new Set(asked)]).toEqual([new URL(page.url()).origin])
})
