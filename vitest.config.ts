import { defineConfig } from 'vitest/config'

const source = ['@servesim/source']
const everywhere = ['packages', 'plugins', 'apps', 'scripts']
const named = (suffix: string) => everywhere.map((folder) => `${folder}/**/*${suffix}`)
const never = ['**/node_modules/**', '**/dist/**']

/**
 * Tests run from source. Most are pure and share one isolate per thread, which is ten times faster than one each;
 * `*.process.test.ts` may spawn, change directory or touch globals; `*.full.test.ts` are the long forms of `npm run test:full`.
 */
export default defineConfig({
  resolve: { conditions: [...source, 'module', 'node', 'development|production'] },
  ssr: { resolve: { conditions: [...source, 'module', 'node', 'development|production'] } },
  test: {
    setupFiles: ['scripts/property-seed.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          // Laws over hundreds of scenarios: slow machines need patience, and a hang is found all the same.
          testTimeout: 120_000,
          pool: 'threads',
          isolate: false,
          include: named('.test.ts'),
          exclude: [...never, '**/*.process.test.ts', '**/*.full.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'process',
          pool: 'forks',
          include: named('.process.test.ts'),
          exclude: never,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        test: { name: 'full', pool: 'forks', include: named('.full.test.ts'), exclude: never, testTimeout: 600_000 },
      },
    ],
  },
})
