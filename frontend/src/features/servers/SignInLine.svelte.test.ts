import { expect, it, vi } from 'vitest'
import { page } from 'vitest/browser'
import { render } from 'vitest-browser-svelte'
import { signingInByCode } from '@/lib/api/fakeDevice'
import type { SignIn } from '@/lib/api/types'
import SignInLine from './SignInLine.svelte'

const start = Date.UTC(2026, 2, 14, 12)
const byCode = signingInByCode(start).signIn as SignIn

async function show(signIn: SignIn, now = start) {
  const oncancel = vi.fn()
  const copyText = vi.fn(() => Promise.resolve())
  await render(SignInLine, { signIn, name: 'tv', busy: false, now, copyText, oncancel })
  return { oncancel, copyText }
}

it('shows the code, the address and its picture', async () => {
  const { oncancel, copyText } = await show(byCode)
  await expect.element(page.getByText('WDJB-MJHT')).toBeVisible()
  await expect.element(page.getByLabelText('Address to sign in at')).toHaveValue(byCode.url)
  const picture = page.getByRole('img', { name: 'Sign-in address as a QR code' })
  await expect.element(picture).toBeVisible()
  expect(picture.element().querySelector('path')?.getAttribute('d')).toBe(byCode.qr?.path)
  expect(picture.element().getAttribute('viewBox')).toBe('0 0 37 37')
  await page.getByRole('button', { name: 'Copy address' }).click()
  expect(copyText).toHaveBeenCalledWith(byCode.url)
  await page.getByRole('button', { name: 'Cancel: tv' }).click()
  expect(oncancel).toHaveBeenCalledOnce()
})

it('counts down to the end of the code', async () => {
  await show(byCode, start + 61_000)
  await expect.element(page.getByText('It ends in 8 min 58 s.')).toBeVisible()
})

it('says that the code has ended', async () => {
  await show(byCode, start + 600_000)
  await expect.element(page.getByText('It has ended.')).toBeVisible()
  expect(page.getByText('It ends').elements()).toHaveLength(0)
})

it('shows no code for a sign-in in this browser', async () => {
  await show({ ...byCode, browserOpened: true, code: '', endsAt: null, qr: null })
  await expect.element(page.getByText('Your browser has opened.')).toBeVisible()
  expect(page.getByRole('img').elements()).toHaveLength(0)
})

it('offers a code and another registration only where there are such, and not beside a code', async () => {
  const onbycode = vi.fn()
  const onanew = vi.fn()
  const inBrowser: SignIn = { ...byCode, browserOpened: true, code: '', endsAt: null, qr: null }
  const common = { name: 'tv', busy: false, now: start, copyText: () => Promise.resolve(), oncancel: vi.fn() }
  const line = await render(SignInLine, { ...common, signIn: inBrowser, onbycode, onanew })
  await page.getByRole('button', { name: 'Use another device: tv' }).click()
  await page.getByRole('button', { name: 'Register anew: tv' }).click()
  expect([onbycode, onanew].map((f) => f.mock.calls.length)).toEqual([1, 1])
  for (const without of [
    { signIn: inBrowser, onbycode: null, onanew: null },
    { signIn: byCode, onbycode, onanew },
    { signIn: { ...inBrowser, url: '' }, onbycode, onanew },
  ]) {
    await line.rerender(without)
    expect(page.getByRole('button', { name: /another device|Register anew/ }).elements()).toHaveLength(0)
  }
})
