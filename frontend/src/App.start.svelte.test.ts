import { expect, it, vi } from 'vitest'
import { page } from 'vitest/browser'
import { render } from 'vitest-browser-svelte'
import App from './App.svelte'
import { Fake } from './lib/api/fake'

it('follows the agent once, however often the clock steps', async () => {
  const fake = new Fake({ scene: 'single', signInTime: null })
  const asked = [vi.spyOn(fake, 'subscribe'), vi.spyOn(fake, 'snapshot'), vi.spyOn(fake.activity, 'follow')]
  await render(App, { api: fake })
  const left = page.getByRole('article', { name: 'demo' }).getByText(/ left$/)
  await expect.element(left).toBeVisible()
  const before = left.element().textContent
  await expect.poll(() => left.element().textContent).not.toBe(before)
  // The page itself and the dialog about links subscribe.
  expect(asked.map((spy) => spy.mock.calls.length)).toEqual([2, 1, 1])
})

it('draws a plot once, however often its values change', async () => {
  const fake = new Fake({ scene: 'mixed', signInTime: null })
  await render(App, { api: fake })
  await page.getByRole('navigation').getByRole('button', { name: 'Activity' }).click()
  await page.getByRole('radio', { name: 'Charts' }).click()
  const figure = page.getByRole('figure', { name: 'Calls per minute' })
  await expect.element(figure).toBeVisible()
  const canvas = figure.element().querySelector('canvas')
  const before = figure.element().textContent
  for (let i = 0; i < 40; i++) fake.activity.call()
  await expect.poll(() => figure.element().textContent).not.toBe(before)
  expect(figure.element().querySelector('canvas')).toBe(canvas)
})
