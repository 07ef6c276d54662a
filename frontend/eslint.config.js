import js from '@eslint/js'
import svelte from 'eslint-plugin-svelte'
import globals from 'globals'
import ts from 'typescript-eslint'
import svelteConfig from './svelte.config.js'

/** Only lib/api may know the bindings that Wails generates, and only main.ts the fake and the bridge. */
const wails = { group: ['**/wailsjs/**'], message: 'Only src/lib/api talks to Go. Use the Api interface.' }
const implementations = {
  group: ['**/api/bridge*', '**/api/fake*'],
  message: 'Take an Api from the outside; only main.ts and tests choose one.',
}
const features = { group: ['**/features/**', '@/features/**'], message: 'lib/ knows no feature.' }

export default ts.config(
  { ignores: ['dist/', 'dist-fake/', 'src/wailsjs/', 'test-results/', 'playwright-report/'] },
  js.configs.recommended,
  ...ts.configs.strictTypeChecked,
  ...svelte.configs.recommended,
  {
    languageOptions: {
      globals: { ...globals.browser },
      parserOptions: {
        projectService: { allowDefaultProject: ['*.ts', 'scripts/*.mjs'], defaultProject: 'tsconfig.node.json' },
        extraFileExtensions: ['.svelte'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-restricted-imports': ['error', { patterns: [wails, implementations] }],
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
    rules: { 'svelte/no-at-html-tags': 'error', 'svelte/button-has-type': 'error' },
  },
  {
    files: ['src/lib/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: [wails, implementations, features] }] },
  },
  { files: ['src/lib/api/**'], rules: { 'no-restricted-imports': ['error', { patterns: [features] }] } },
  {
    files: ['src/main.ts', '**/*.test.ts', 'e2e/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: [wails] }] },
  },
  { files: ['*.{js,ts}', 'e2e/**'], languageOptions: { globals: { ...globals.node } } },
  { files: ['*.js'], ...ts.configs.disableTypeChecked },
)
