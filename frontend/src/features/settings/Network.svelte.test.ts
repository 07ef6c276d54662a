import { expect, it } from 'vitest'
import { page } from 'vitest/browser'
import { render } from 'vitest-browser-svelte'
import { Fake } from '@/lib/api/fake'
import type { Scene } from '@/lib/api/fakeScenes'
import { Desk } from '@/lib/state/desk.svelte'
import Network from './Network.svelte'

async function show(scene: Scene = 'three') {
  const fake = new Fake({ scene })
  const desk = new Desk(fake)
  desk.servers.start()
  await render(Network, { servers: desk.servers, connections: desk.connections })
  const connection = (name: string) => desk.servers.find(name)?.connection
  return { fake, connection }
}

const button = (name: string) => page.getByRole('button', { name, exact: true })
const choose = button('Choose file\u2026 Certificate authorities of issues')

it('sets a proxy of its own, after the agent has found it good, and takes it back', async () => {
  const { connection } = await show()
  await page.getByLabelText('Proxy of issues').selectOptions('One of its own\u2026')
  const address = page.getByLabelText('Address of the proxy')
  await expect.element(address).toHaveFocus()
  await address.fill('proxy.example.com')
  await button('Save').click()
  await expect.element(address).toHaveAccessibleDescription(/not a URL of the form/)
  await expect.element(address).toHaveFocus()
  expect(connection('issues')?.proxy).toBe('')
  await address.fill('http://proxy.example.com:3128')
  await button('Save').click()
  await expect.element(page.getByText('http://proxy.example.com:3128')).toBeVisible()
  expect(connection('issues')?.proxy).toBe('http://proxy.example.com:3128')
  expect(connection('builds')?.proxy).toBe('')
  await button('Undo').click()
  await expect.element(page.getByLabelText('Proxy of issues')).toHaveValue('usual')
  await expect.element(button('Undo')).not.toBeInTheDocument()
  expect(connection('issues')?.proxy).toBe('')
})

it('goes straight for the server that is chosen, and for no other', async () => {
  const { connection } = await show()
  await page.getByLabelText('Server', { exact: true }).selectOptions('builds')
  await page.getByLabelText('Proxy of builds').selectOptions('None')
  await expect.element(page.getByText('Changed. Clients that are connected')).toBeVisible()
  expect(connection('builds')?.proxy).toBe('none')
  expect(connection('issues')?.proxy).toBe('')
})

it('leaves the choice of a file to the system, and shows what came of it', async () => {
  const { fake } = await show()
  fake.connections.file = ''
  await choose.click()
  await expect.element(page.getByText('Those that this computer trusts.')).toBeVisible()
  await expect.element(button('Undo')).not.toBeInTheDocument()
  fake.connections.file = '/home/ada/notes.txt'
  await choose.click()
  await expect.element(page.getByRole('alert')).toHaveTextContent('there is no certificate in it')
  fake.connections.file = '/home/ada/company-ca.pem'
  await choose.click()
  await expect.element(page.getByText('/home/ada/company-ca.pem')).toBeVisible()
  await expect.element(page.getByRole('alert')).not.toBeInTheDocument()
  await button('Remove Certificate authorities of issues').click()
  await expect.element(page.getByText('Those that this computer trusts.')).toBeVisible()
  await expect.element(choose).toHaveFocus()
})

it('says what it needs where there is no server', async () => {
  await show('empty')
  await expect.element(page.getByText('Each server has its own: add a server first.')).toBeVisible()
})
