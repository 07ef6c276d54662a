import { readFileSync } from 'node:fs'
import { expect, test } from '@playwright/test'
import { expectNoToken, listen, signInAtProvider } from './parts.ts'

// A client that the person registered at the real provider, with its secret.

const gate = process.env['DRAWBRIDGE_E2E_GATE'] ?? ''
const provider = process.env['DRAWBRIDGE_E2E_PROVIDER'] ?? ''
const settings = `${process.env['DRAWBRIDGE_E2E_CONFIG'] ?? ''}/settings.json`

test('signs in with a client ID and a secret, which never comes back', async ({ page, context }) => {
  const answer = await fetch(`${provider}/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'client_secret_basic',
    }),
  })
  const client = (await answer.json()) as { client_id: string; client_secret: string }

  const told: string[] = []
  page.on('websocket', (socket) => {
    socket.on('framereceived', (frame) => told.push(frame.payload.toString()))
  })
  const frames = listen(page)
  await page.goto('/')
  await page.getByRole('button', { name: 'Add server' }).click()
  await page.getByLabel('Server address').fill(gate)
  await page.getByLabel('Name').fill('by-hand')
  await page.getByText('More options').click()
  await expect(page.getByLabel('Client secret')).toBeHidden()
  await page.getByLabel('Client ID').fill(client.client_id)
  await page.getByLabel('Client secret').fill(client.client_secret)
  await expect(page.getByLabel('Client secret')).toHaveAttribute('type', 'password')
  await page.getByRole('button', { name: 'Add and sign in' }).click()

  const card = page.getByRole('article', { name: 'by-hand' })
  const address = card.getByLabel('Address to sign in at')
  await expect(address).toHaveValue(new RegExp(`client_id=${client.client_id}`))
  await signInAtProvider(context, await address.inputValue(), 'ada')
  await expect(card).toContainText('Signed in as ada@example.com')
  expect(readFileSync(settings, 'utf8')).toContain(client.client_id)
  expect(readFileSync(settings, 'utf8')).not.toContain(client.client_secret)
  expect(told.filter((frame) => frame.includes(client.client_secret))).toEqual([])
  expectNoToken(frames)

  await page.getByRole('button', { name: 'Remove: by-hand' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await expect(card).toBeHidden()
})
