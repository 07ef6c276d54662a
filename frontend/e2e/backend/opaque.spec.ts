import { expect, test } from '@playwright/test'
import { axe } from '../look.ts'
import { pictures } from '../pictures.ts'
import { expectNoToken, listen, signInAtProvider } from './parts.ts'

// A token that cannot be read, of the real provider, which is asked about it.

const gate = process.env['DRAWBRIDGE_E2E_OPAQUE'] ?? ''

test('an opaque token is said to be one, and its provider says what it is good for', async ({ page, context }) => {
  const frames = listen(page)
  await page.goto('/')
  await page.getByRole('button', { name: 'Add server' }).click()
  await page.getByLabel('Server address').fill(gate)
  await page.getByLabel('Name').fill('sealed')
  await page.getByRole('button', { name: 'Add and sign in' }).click()
  const card = page.getByRole('article', { name: 'sealed' })
  const address = await card.getByLabel('Address to sign in at').inputValue()
  await signInAtProvider(context, address, 'ada')
  await page.getByRole('button', { name: 'View token: sealed' }).click()
  await expect(page.getByRole('heading', { name: 'This token cannot be read' })).toBeVisible()
  const glance = page.getByRole('region', { name: 'At a glance' })
  await expect(glance).toContainText('Says that it is active')
  await expect(glance).toContainText('mcp:tools')
  const said = page.getByRole('table', { name: 'What the provider says of it' })
  await expect(said.getByRole('row', { name: /\bclient_id\b/ })).toBeVisible()
  await expect(said.getByRole('row', { name: /\bexp\b/ })).toContainText('in ')
  await page.screenshot({ path: `${pictures}/real-opaque.png`, fullPage: true })
  await axe(page)
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Remove: sealed' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(card).toBeHidden()
  expectNoToken(frames)
})
