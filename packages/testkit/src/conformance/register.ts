import type { Suite } from './suite.js'

interface Runner {
  describe(title: string, body: () => void): unknown
  it(name: string, body: () => void): unknown
}

/** Vitest inside Vitest, else Node's own runner; a process that Vitest started is not inside it, so the environment does not tell. */
const runner: Runner = '__vitest_worker__' in globalThis ? await import('vitest') : await import('node:test')

/** Declares suites with the test runner of this process. */
export function register(suites: readonly Suite[]): void {
  if (suites.length === 0) throw new Error('The plugin provides nothing of this kind, so there is nothing to test.')
  for (const { title, checks } of suites) {
    runner.describe(title, () => {
      for (const { name, run } of checks) runner.it(name, run)
    })
  }
}
