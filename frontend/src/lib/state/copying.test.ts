import { expect, it } from 'vitest'
import { Fake } from '@/lib/api/fake'
import { Copying } from './copying.svelte'

async function ask(fake: Fake, copying: Copying, yes: boolean) {
  const done = copying.copy()
  await expect.poll(() => fake.dialogs).toHaveLength(1)
  expect(copying.state).toEqual({ kind: 'asking' })
  await copying.copy() // a second press asks no second time
  fake.dialogs.pop()?.(yes)
  await done
}

it('copies only what the person agrees to in the dialog', async () => {
  const fake = new Fake()
  const copying = new Copying(fake, 'demo', () => 1000)
  await ask(fake, copying, false)
  expect(copying.state).toEqual({ kind: 'idle' })
  await ask(fake, copying, true)
  expect(copying.state).toEqual({ kind: 'copied', until: 31_000 })
})

it('says why nothing was copied', async () => {
  const fake = new Fake({ scene: 'away' })
  const copying = new Copying(fake, 'demo')
  await copying.copy()
  expect(copying.state).toMatchObject({ kind: 'failed', problem: { code: 'agent_away' } })
})
