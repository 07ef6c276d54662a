import { expect, it } from 'vitest'
import { page } from 'vitest/browser'
import { render } from 'vitest-browser-svelte'
import '@/lib/styles/tokens.css'
import '@/lib/styles/base.css'
import App from '@/App.svelte'
import { Fake } from '@/lib/api/fake'

const button = (name: string) => page.getByRole('button', { name, exact: true })
const dialog = () => page.getByRole('dialog')
const article = (name: string) => page.getByRole('article', { name, exact: true })

async function show(before?: Parameters<Fake['followLink']>[0]) {
  const fake = new Fake({ scene: 'empty', signInTime: null })
  if (before) fake.followLink(before)
  await render(App, { api: fake })
  return fake
}

it('shows what a link asks for and does nothing by itself', async () => {
  const fake = await show()
  fake.followLink({ url: 'https://mcp.example.com/mcp?team=7', name: 'tickets', problem: null })
  await expect.element(dialog()).toHaveTextContent('mcp.example.com')
  await expect.element(dialog()).toHaveTextContent('https://mcp.example.com/mcp?team=7')
  await expect.element(page.getByLabelText('Name')).toHaveValue('tickets')
  expect((await fake.snapshot()).servers).toEqual([])
  await button('Cancel').click()
  await expect.element(dialog()).not.toBeInTheDocument()
  expect((await fake.snapshot()).servers).toEqual([])
})

it('adds the server when the person says so, and signs nobody in', async () => {
  const fake = await show({ url: 'https://mcp.example.com/mcp', name: '', problem: null })
  await page.getByLabelText('Name').fill('no good')
  await dialog().getByRole('button', { name: 'Add server' }).click()
  await expect.element(dialog()).toHaveTextContent('Use letters, digits')
  await page.getByLabelText('Name').fill('work')
  await dialog().getByRole('button', { name: 'Add server' }).click()
  await expect.element(dialog()).not.toBeInTheDocument()
  await expect.element(article('work')).toHaveTextContent('Signed out')
  expect((await fake.snapshot()).servers).toMatchObject([{ name: 'work', url: 'https://mcp.example.com/mcp' }])
})

it('offers nothing that is there already', async () => {
  const fake = await show()
  await fake.addServer({ name: 'tickets', url: 'https://mcp.example.com/mcp' })
  fake.followLink({ url: 'https://mcp.example.com/mcp', name: 'other', problem: null })
  await expect.element(dialog()).toHaveTextContent('It is there already, as tickets.')
  await expect.element(dialog().getByRole('button', { name: 'Add server' })).not.toBeInTheDocument()
  await button('Close').click()
})

it('says of a link that was refused why', async () => {
  const what = 'A link to Drawbridge was refused: it is too long.'
  await show({ url: '', name: '', problem: { code: 'bad_url', what, next: '' } })
  await expect.element(dialog()).toHaveTextContent(what)
  await button('Close').click()
  await expect.element(dialog()).not.toBeInTheDocument()
})
