import { expect, test } from '@playwright/test'
import { axe } from '../look.ts'
import { pictures } from '../pictures.ts'
import { expectNoToken, listen, signInAtDemo, signInAtProvider } from './parts.ts'

// An empty window leads to the first server that is signed in: in three steps, or
// to the built-in demo in one.

const gate = process.env['DRAWBRIDGE_E2E_GATE'] ?? ''

test('one step to the demo, which is signed in to in the browser', async ({ page, context }) => {
  const frames = listen(page)
  await page.goto('/')
  await page.getByRole('button', { name: 'Try the built-in demo' }).click()
  const card = page.getByRole('article', { name: 'demo' })
  await signInAtDemo(context, await card.getByLabel('Address to sign in at').inputValue(), /ada/i)
  await expect(card).toContainText('Signed in as ada@')
  await expect(page.locator('[aria-current="step"]')).toContainText('Connect a client')
  await page.screenshot({ path: `${pictures}/real-first-run-demo.png` })
  await axe(page)
  await page.getByRole('button', { name: 'Remove: demo' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(card).toBeHidden()
  expectNoToken(frames)
})

test('three steps to a server of one\u2019s own and its first client', async ({ page, context }) => {
  await page.goto('/')
  const step = page.locator('[aria-current="step"]')
  await expect(step).toContainText('Paste the address')
  await page.getByRole('button', { name: 'Add server' }).click()
  await page.getByLabel('Server address').fill(gate)
  await page.getByLabel('Name').fill('everything')
  await page.getByRole('button', { name: 'Add and sign in' }).click()

  await expect(step).toContainText('Sign in, once')
  const card = page.getByRole('article', { name: 'everything' })
  await signInAtProvider(context, await card.getByLabel('Address to sign in at').inputValue(), 'grace')
  await expect(card).toContainText('Signed in as grace@example.com')

  await expect(step).toContainText('Connect a client')
  await page.getByRole('button', { name: 'Connect a client' }).click()
  await page.getByRole('button', { name: 'Connect\u2026 Cursor' }).click()
  await page.getByRole('button', { name: 'Write the change' }).click()
  await expect(page.getByRole('status').filter({ hasText: 'Cursor is connected to everything.' })).toBeVisible()
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByRole('button', { name: 'Close' }).click()

  await page.getByRole('navigation').getByRole('button', { name: 'Servers', exact: true }).click()
  await page.getByRole('button', { name: 'Remove: everything' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(card).toBeHidden()
})
