import { describe, expect, it } from 'vitest'
import { page } from 'vitest/browser'
import { render } from 'vitest-browser-svelte'
import '@/lib/styles/tokens.css'
import '@/lib/styles/base.css'
import { Fake } from '@/lib/api/fake'
import type { Scene } from '@/lib/api/fakeScenes'
import { Desk } from '@/lib/state/desk.svelte'
import DoctorScreen from './DoctorScreen.svelte'

async function show(scene: Scene = 'mixed', doctorStep: number | null = 0, initial = '') {
  const fake = new Fake({ scene, doctorStep })
  const desk = new Desk(fake)
  desk.servers.start()
  desk.router.go('doctor', initial)
  await render(DoctorScreen, { desk })
  return fake
}

const button = (name: string) => page.getByRole('button', { name, exact: true })
const section = (name: string) => page.getByRole('region', { name })

describe('an examination', () => {
  it('says of each clause what it is, what was received and what to do', async () => {
    await show('mixed', 0, 'notion')
    await expect.element(page.getByLabelText('Server', { exact: true })).toHaveValue('notion')
    await button('Examine').click()
    await expect.element(page.getByRole('heading', { name: 'It cannot work like this' })).toBeVisible()
    const pkce = section('What its authorization server says about itself').getByRole('listitem').last()
    await expect.element(pkce).toHaveTextContent('Failed It supports PKCE with S256')
    await expect.element(pkce).toHaveTextContent('Received: no code_challenge_methods_supported')
    await expect.element(pkce).toHaveTextContent('What to do: Only the provider can mend that.')
    await expect.element(pkce).toHaveTextContent('RFC 7636 §4.2')
    await expect.element(page.getByRole('status')).toHaveTextContent('1 failed')
  })

  it('grows line by line, and stops when told to', async () => {
    await show('mixed', null, 'demo')
    await button('Examine').click()
    await expect.element(page.getByRole('status')).toHaveTextContent('5 answers so far')
    await expect.element(section('The server without a sign-in').getByRole('listitem').first()).toBeVisible()
    await button('Cancel').click()
    await expect.element(page.getByText('Cancelled. What was found until then stands below.')).toBeVisible()
    await expect.element(section('What the server says about itself')).toBeVisible()
    await expect.element(button('Examine again')).toBeVisible()
  })

  it('takes an address that was not added, and refuses what is none', async () => {
    await show('empty')
    const address = page.getByLabelText('Server address')
    await button('Examine').click()
    await expect.element(address).toHaveFocus()
    await expect.element(address).toHaveAccessibleDescription(/Enter the server.s address/)
    await address.fill('nobody.example/mcp')
    await button('Examine').click()
    await expect.element(page.getByRole('heading', { name: 'A server cannot be reached' })).toBeVisible()
    await expect.element(page.getByText('https://nobody.example/mcp, examined in 1.2 s')).toBeVisible()
  })

  it('can be copied: the report, and the traffic without secrets', async () => {
    const fake = await show('mixed', 0, 'notion')
    await button('Examine').click()
    await button('Copy report').click()
    await button('Copy trace').click()
    await expect.poll(() => fake.copied.length).toBe(2)
    expect(fake.copied[0]).toContain('[Failed] It supports PKCE with S256')
    expect(fake.copied[1]).toContain('Set-Cookie: [redacted]')
    await page.getByText('HTTP traffic, without secrets').click()
    await expect.element(page.getByRole('region', { name: 'HTTP traffic' })).toHaveTextContent('401 Unauthorized')
  })

  it('shows only what needs attention when that is wished', async () => {
    await show('mixed', 0, 'notion')
    await button('Examine').click()
    await page.getByLabelText('Only what needs attention').click()
    await expect.element(section('The server without a sign-in')).not.toBeInTheDocument()
    await expect
      .element(section('What the server says about itself').getByRole('listitem'))
      .toHaveTextContent('Warning')
  })

  it('says what kept it from an end', async () => {
    const fake = await show('mixed', 0, 'demo')
    fake.doctor.examine = () => ({ report: Promise.reject(new Error('The agent has ended.')), cancel: () => undefined })
    await button('Examine').click()
    await expect.element(page.getByRole('alert')).toHaveTextContent('The agent has ended.')
  })
})
