// `npm test [filters]` and, with --full, `npm run test:full`. The last line is `N passed, N failed`.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { countTests } from './test-report.mjs'
import { prepare, root, run } from './workspace.mjs'

const args = process.argv.slice(2)
const full = args.includes('--full')
const filters = args.filter((argument) => argument !== '--full')
const projects = full ? ['full'] : ['pure', 'process']
const reportFile = join(root, 'node_modules', '.cache', 'servesim', `tests-${full ? 'full' : 'short'}.json`)

prepare()
rmSync(reportFile, { force: true })
const exitCode = run('vitest', [
  'run',
  ...projects.flatMap((project) => ['--project', project]),
  '--passWithNoTests',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${reportFile}`,
  ...filters,
])
const { passed, failed } = countTests(existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')) : undefined, exitCode)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
