import { expect, test } from '@playwright/test'

// The navigation: which screen is on show, by mouse and by keyboard, in a wide
// and a narrow window.

test('says which screen is on show, and gives the focus to its heading', async ({ page }) => {
  await page.goto('/?scene=mixed')
  const nav = page.getByRole('navigation', { name: 'Screens' })
  await expect(nav.getByRole('button', { name: 'Servers' })).toHaveAttribute('aria-current', 'page')
  await nav.getByRole('button', { name: 'Inspect a token' }).press('Enter')
  await expect(page.getByRole('heading', { level: 1, name: 'Inspect a token' })).toBeFocused()
  await expect(nav.locator('[aria-current]')).toHaveText(/Inspect a token/)
})

test('a digit with Control goes to a screen, but not behind a dialog', async ({ page }) => {
  await page.goto('/?scene=mixed')
  await page.getByRole('button', { name: 'Add server' }).click()
  await page.keyboard.press('Control+3')
  await expect(page.getByRole('dialog')).toBeVisible()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Control+3')
  await expect(page.getByRole('heading', { level: 1, name: 'Inspect a token' })).toBeFocused()
  await page.keyboard.press('Control+1')
  await expect(page.getByRole('heading', { level: 1, name: 'Servers' })).toBeFocused()
})

test('a pasted token is gone once its screen is left', async ({ page }) => {
  await page.goto('/?scene=mixed')
  await page.getByRole('button', { name: 'Inspect a token' }).click()
  await page.getByLabel('Token', { exact: true }).fill('eyJh.eyJp.c2ln')
  await expect(page.getByRole('table', { name: 'Claims' })).toBeVisible()
  await page.keyboard.press('Control+1')
  await page.keyboard.press('Control+3')
  await expect(page.getByLabel('Token', { exact: true })).toHaveValue('')
  await expect(page.getByText('Nothing pasted yet')).toBeVisible()
})

for (const [width, side] of [
  [760, true],
  [759, false],
] as const) {
  test(`at ${width} px the navigation is ${side ? 'beside' : 'above'} the screen`, async ({ page }) => {
    await page.setViewportSize({ width, height: 700 })
    await page.goto('/?scene=mixed')
    const nav = await page.getByRole('navigation', { name: 'Screens' }).boundingBox()
    const main = await page.getByRole('main').boundingBox()
    if (!nav || !main) throw new Error('nothing is drawn')
    expect(nav.x + nav.width <= main.x).toBe(side)
    expect(nav.y + nav.height <= main.y).toBe(!side)
  })
}
