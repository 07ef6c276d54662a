import { expect, test } from '@playwright/test'
import { noon, show } from './scenes.ts'

// A sign-in that is under way in the browser, and what a person can have instead.

test.beforeEach(async ({ page }) => {
  await show(page, { name: 'another way', scene: 'three' })
  await page.getByRole('button', { name: 'Sign in: wiki' }).click()
  await page.clock.runFor(500)
})

test('a code for another device takes the place of the browser', async ({ page }) => {
  const wiki = page.getByRole('article', { name: 'wiki' })
  const code = page.getByRole('button', { name: 'Use another device: wiki' })
  await code.press('Enter')
  await page.clock.runFor(500)
  await expect(wiki.getByText('WDJB-MJHT')).toBeVisible()
  await expect(wiki.getByRole('img', { name: 'Sign-in address as a QR code' })).toBeVisible()
  await expect(code).toBeHidden()
  await expect(page.getByRole('button', { name: 'Register anew: wiki' })).toBeHidden()
})

test('a provider that does not know Drawbridge: it is registered anew, and the sign-in begins again', async ({
  page,
}) => {
  const wiki = page.getByRole('article', { name: 'wiki' })
  await expect(wiki.getByText('Your browser has opened.')).toBeVisible()
  await page.clock.pauseAt(new Date(noon.getTime() + 600_000))
  await page.getByRole('button', { name: 'Register anew: wiki' }).click()
  await page.clock.runFor(100)
  await expect(wiki.getByText('Asking the server how to sign in')).toBeVisible()
  await page.clock.runFor(500)
  await expect(wiki.getByText('Your browser has opened.')).toBeVisible()
})
