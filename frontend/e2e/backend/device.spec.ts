import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { expect, test } from '@playwright/test'
import { axe } from '../look.ts'
import { pictures } from '../pictures.ts'

// A sign-in with a browser on another device, at the real provider.

const settings = `${process.env['DRAWBRIDGE_E2E_CONFIG'] ?? ''}/settings.json`
const gate = process.env['DRAWBRIDGE_E2E_GATE'] ?? ''

test('a code, its picture and its end; the sign-in is finished on another device', async ({ page, context }) => {
  await page.goto('/')
  // A server whose sign-in the person has set in the settings file by hand.
  await page.getByRole('button', { name: 'Add server' }).click()
  await page.getByLabel('Server address').fill(gate)
  await page.getByLabel('Name').fill('tv')
  await page.getByRole('button', { name: 'Add only' }).click()
  await expect(page.getByRole('button', { name: 'Sign in: tv' })).toBeVisible()
  const written = readFileSync(settings, 'utf8')
  writeFileSync(`${settings}.new`, written.replace('"tv",', '"tv", "oauth": {"grant": "device_code"},'))
  renameSync(`${settings}.new`, settings) // never half of it

  const card = page.getByRole('article', { name: 'tv' })
  await page.getByRole('button', { name: 'Sign in: tv' }).click()
  const picture = card.getByRole('img', { name: 'Sign-in address as a QR code' })
  await expect(picture).toBeVisible()
  const ends = card.getByText(/^It ends in \d+ min \d\d s\.$/)
  const first = await ends.textContent()
  await expect(ends).not.toHaveText(first ?? '')
  const code = (await card.getByText(/^[A-Z]{4}-[A-Z]{4}$/).textContent()) ?? ''
  const address = await card.getByLabel('Address to sign in at').inputValue()
  expect(address).toContain(code)
  await page.screenshot({ path: `${pictures}/real-device.png` })
  await axe(page)

  // Cancel ends it; the next one has a code of its own.
  await card.getByRole('button', { name: 'Cancel: tv' }).click()
  await page.getByRole('button', { name: 'Sign in: tv' }).click()
  await expect(picture).toBeVisible()
  await expect(card.getByText(code)).toBeHidden()

  const phone = await context.newPage()
  await phone.goto(await card.getByLabel('Address to sign in at').inputValue())
  await phone.getByRole('button', { name: /continue|confirm/i }).click()
  await phone.locator('input[name="login"]').fill('grace')
  await phone.locator('input[type="password"]').fill('any')
  await phone.getByRole('button', { name: /sign-in/i }).click()
  await phone.getByRole('button', { name: /continue/i }).click()
  await phone.close()
  await expect(card).toContainText('Signed in as grace@example.com')

  await page.getByRole('button', { name: 'Remove: tv' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(card).toBeHidden()
})
