import { afterEach, describe, expect, it } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { render } from 'vitest-browser-svelte'
import '@/lib/styles/tokens.css'
import '@/lib/styles/base.css'
import App from '@/App.svelte'
import { Fake } from '@/lib/api/fake'
import type { Scene } from '@/lib/api/fakeScenes'

let fake: Fake

async function show(scene: Scene = 'mixed') {
  fake = new Fake({ scene })
  await render(App, { api: fake })
  await page.getByRole('navigation').getByRole('button', { name: 'Settings' }).click()
}

const toggle = (name: string) => page.getByRole('switch', { name })
const background = () => getComputedStyle(document.documentElement).backgroundColor

afterEach(() => {
  delete document.documentElement.dataset['theme']
})

describe('the settings', () => {
  it('change the theme at once', async () => {
    await show()
    await page.getByRole('radio', { name: 'Light' }).click()
    await expect.poll(background).toBe('rgb(244, 245, 247)')
    await userEvent.keyboard('{ArrowRight}')
    await expect.element(page.getByRole('radio', { name: 'Dark' })).toBeChecked()
    await expect.poll(background).toBe('rgb(23, 24, 28)')
    expect(fake.preferences.value.theme).toBe('dark')
    await page.getByRole('radio', { name: 'System' }).click()
    await expect.poll(() => document.documentElement.dataset['theme']).toBe(undefined)
  })

  it('are switched by click and key, each named and explained', async () => {
    await show()
    await expect.element(toggle('Start at login')).toBeChecked()
    await toggle('Icon in the tray').click()
    await expect.poll(() => fake.preferences.value.tray).toBe(false)
    await userEvent.keyboard('{Tab} ')
    await expect.poll(() => fake.preferences.value.notifications).toBe(false)
    await expect.element(toggle('Notifications')).toHaveAccessibleDescription(/needs you to sign in/)
  })

  it('follow another window and the tray', async () => {
    await show()
    await expect.element(toggle('Start at login')).toBeChecked()
    await fake.preferences.set({ startAtLogin: false })
    await expect.element(toggle('Start at login')).not.toBeChecked()
  })

  it('stay as they were when a change is refused, and say why', async () => {
    await show()
    fake.preferences.set = () => Promise.reject(new Error('The disk is full.'))
    await toggle('Start at login').click()
    await expect.element(page.getByRole('alert')).toHaveTextContent('could not be changed. The disk is full.')
    await expect.element(toggle('Start at login')).toBeChecked()
  })

  it('offer the browsers that are installed, and keep one in sight that is not any more', async () => {
    await show()
    await page.getByLabelText('Browser').selectOptions('Firefox')
    await expect.poll(() => fake.preferences.value.browser).toBe('firefox')
    await fake.preferences.set({ browser: 'opera' })
    await expect.element(page.getByLabelText('Browser')).toHaveDisplayValue('opera (not installed any more)')
  })

  it('say where things are, and open the folder', async () => {
    await show()
    await expect.element(page.getByRole('region', { name: 'Storage' })).toHaveTextContent('keychain of this computer')
    await expect.element(page.getByText('/home/ada/.local/state/drawbridge/logs')).toBeVisible()
    await page.getByRole('button', { name: 'Open folder: Log files' }).click()
    expect(fake.preferences.opened).toEqual(['logs'])
    await page.getByLabelText('Level').selectOptions('Everything')
    await expect.poll(() => fake.preferences.value.logLevel).toBe('debug')
  })

  it('do not offer what this desktop cannot do', async () => {
    await show('no_keychain')
    await expect.element(toggle('Start at login')).toBeDisabled()
    await expect.element(toggle('Start at login')).toHaveAccessibleDescription(/Nothing can be started/)
  })
})
