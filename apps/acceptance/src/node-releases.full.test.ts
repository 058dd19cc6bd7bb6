import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { countTests } from '../../../scripts/test-report.mjs'
import { root } from './workspace.js'

// The oldest Node that is supported and the current one, as npm's package `node` brings them, pass what `npm test` runs.

const cache = join(root, 'node_modules', '.cache', 'servesim')
const printed: string[] = []
afterAll(() => console.log(printed.join('\n')))

/** Installs a Node once. @returns the folder of its program */
function nodeOf(range: string): string {
  const folder = join(cache, `node-${range}`)
  const program = join(folder, 'node_modules', 'node', 'bin')
  if (existsSync(program) && range !== 'latest') return program
  mkdirSync(folder, { recursive: true })
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--no-package-lock', `node@${range}`]
  const { status, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  return program
}

describe.each(['20.19', 'latest'])('Node %s', (range) => {
  test('passes the tests', () => {
    const folder = nodeOf(range)
    const report = join(cache, `tests-node-${range}.json`)
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_OPTIONS|NODE_ENV)/.test(name)))
    const path = [folder, dirname(process.execPath), process.env.PATH].join(delimiter)
    // Other long tests keep the machine busy meanwhile.
    const vitest = [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--project',
      'pure',
      '--project',
      'process',
      '--testTimeout=120000',
    ]
    const { status, stdout, stderr } = spawnSync(join(folder, 'node'), [...vitest, '--reporter=json', `--outputFile.json=${report}`], {
      cwd: root,
      env: { ...env, PATH: path },
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    })
    const { passed, failed } = countTests(existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined, status ?? 1)
    const version = spawnSync(join(folder, 'node'), ['--version'], { encoding: 'utf8' }).stdout.trim()
    printed.push(`Node ${version}: ${passed} passed, ${failed} failed`)
    expect(failed, (stdout + stderr).slice(-4000)).toBe(0)
    expect(passed).toBeGreaterThan(1000)
  }, 1_800_000)
})
