import { expect, it } from 'vitest'
import { Fake } from '@/lib/api/fake'
import type { Preferences, PreferencesChange } from '@/lib/api/preferences'
import { Servers } from './servers.svelte'
import { Settings } from './settings.svelte'

const settle = () => new Promise((resolve) => setTimeout(resolve))

/** Settings whose agent answers when, and in the order in which, the test says so. */
async function opened() {
  const fake = new Fake({ signInTime: null })
  const servers = new Servers(fake)
  const end = servers.start()
  await settle()
  end() // no snapshot comes in between
  const sent: { change: PreferencesChange; answer: (refused?: Error) => Promise<void> }[] = []
  let kept = fake.preferences.value
  fake.preferences.set = (change) =>
    new Promise<Preferences>((resolve, reject) => {
      const answer = (refused?: Error) => {
        if (refused) reject(refused)
        else resolve((kept = { ...kept, ...change }))
        return settle().then(() => undefined)
      }
      sent.push({ change, answer })
    })
  return { settings: new Settings(fake.preferences, servers), sent, kept: () => kept }
}

it('ends with the newest of changes made fast one after the other', async () => {
  const { settings, sent, kept } = await opened()
  const changes = [settings.set({ theme: 'dark' }), settings.set({ tray: false }), settings.set({ theme: 'light' })]
  // The newest first, as far as they are on their way together.
  for (let answered = 0; answered < changes.length; answered++) {
    await settle()
    await sent.pop()?.answer()
    expect(settings.now).toMatchObject({ theme: 'light', tray: false })
  }
  await Promise.all(changes)
  expect(settings.now).toEqual(kept())
  expect(kept()).toMatchObject({ theme: 'light', tray: false })
})

it('shows the newest wish until its own answer', async () => {
  const { settings, sent } = await opened()
  const changes = [settings.set({ theme: 'dark' }), settings.set({ theme: 'light' }), settings.set({ theme: 'dark' })]
  for (let answered = 0; answered < changes.length; answered++) {
    await settle()
    await sent.pop()?.answer()
    expect(settings.now?.theme).toBe('dark')
  }
  await Promise.all(changes)
})

it('goes on after a change that was refused', async () => {
  const { settings, sent } = await opened()
  const changes = [settings.set({ theme: 'dark' }), settings.set({ tray: false })]
  await settle()
  await sent.shift()?.answer(new Error('No.'))
  expect(settings.problem).toMatchObject({ what: 'No.' })
  expect(settings.now).toMatchObject({ theme: 'system', tray: false })
  await settle()
  await sent.shift()?.answer()
  await Promise.all(changes)
  expect(settings.now).toMatchObject({ theme: 'system', tray: false })
})
