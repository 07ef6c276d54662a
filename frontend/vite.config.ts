import { fileURLToPath } from 'node:url'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

// `vite` and `vite build --mode fake` talk to src/lib/api/fake.ts; the real
// build has only the bridge to Go in it.
export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  // A new icon is no reason to bundle anew in the middle of a test.
  optimizeDeps: { exclude: ['@lucide/svelte'] },
  build: {
    outDir: mode === 'fake' ? 'dist-fake' : 'dist',
    // The oldest web views we run in: WebKitGTK 2.40, WebView2, macOS 13.
    target: ['safari16.4', 'chrome111'],
    // Everything is its own file: the page's policy allows no data: scripts or styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
}))
