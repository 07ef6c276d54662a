import { playwright } from '@vitest/browser-playwright'
import { defineConfig, mergeConfig } from 'vitest/config'
import { chromium } from './chromium.ts'
import viteConfig from './vite.config.ts'

// State and words run in Node; components run in a real Chromium.
export default defineConfig((env) =>
  mergeConfig(
    viteConfig(env),
    defineConfig({
      test: {
        // What has to come is waited for as long as a slow machine takes.
        testTimeout: 120_000,
        hookTimeout: 120_000,
        expect: { poll: { timeout: 60_000 } },
        projects: [
          {
            extends: true,
            test: {
              name: 'state',
              environment: 'node',
              include: ['src/**/*.test.ts'],
              exclude: ['src/**/*.svelte.test.ts'],
            },
          },
          {
            extends: true,
            test: {
              name: 'components',
              include: ['src/**/*.svelte.test.ts'],
              browser: {
                enabled: true,
                headless: true,
                screenshotFailures: false,
                viewport: { width: 880, height: 680 },
                provider: playwright({ launchOptions: chromium }),
                instances: [{ browser: 'chromium' }],
              },
            },
          },
        ],
      },
    }),
  ),
)
