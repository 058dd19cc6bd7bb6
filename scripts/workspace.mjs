// Node built-ins only: this runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const windows = process.platform === 'win32'
const oldestNode = [20, 19]

/** @param {string} message */
function fail(message) {
  console.error(message)
  process.exit(1)
}

/**
 * Runs a command in the repository root, its output passed on.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {'inherit' | number} stdout where its stdout goes: 2 sends it to stderr
 * @returns {number} its exit code
 */
export function run(command, args, stdout = 'inherit') {
  // npm's tools are .cmd files on Windows, which only a shell starts.
  const shell = windows && command !== process.execPath
  const result = spawnSync(command, args, { cwd: root, stdio: ['inherit', stdout, 'inherit'], shell })
  if (result.error) fail(`Cannot run ${command}: ${result.error.message}`)
  return result.status ?? 1
}

/** Installs the locked dependencies if they changed since the last time. A newcomer has npm and no pnpm. */
function install() {
  const manifest = readFileSync(join(root, 'package.json'), 'utf8')
  const hash = createHash('sha256').update(process.version).update(manifest)
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) hash.update(readFileSync(join(root, file)))
  const state = hash.digest('hex')
  const stamp = join(root, 'node_modules', '.servesim-install')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return
  console.error('Installing dependencies …')
  const pnpm = JSON.parse(manifest).packageManager
  const code = run('npx', ['--yes', pnpm, 'install', '--frozen-lockfile', '--reporter=append-only'], 2)
  if (code !== 0) fail(`The dependencies could not be installed (${pnpm} exited with ${code}). Check the network and try again.`)
  writeFileSync(stamp, state)
}

/** Brings a fresh clone to the point where everything can run: right Node, dependencies, built packages. */
export function prepare() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = oldestNode
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    fail(`Node ${oldestNode.join('.')} or newer is needed; this is ${process.version}.`)
  }
  // Turbo looks for pnpm on PATH; it is a dev dependency.
  const path = Object.keys(process.env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH'
  process.env[path] = [join(root, 'node_modules', '.bin'), process.env[path] ?? ''].join(delimiter)
  process.env.TURBO_TELEMETRY_DISABLED = '1'
  process.env.DO_NOT_TRACK = '1'
  install()
  build()
}

/** Compiles what changed. Says nothing unless it fails. */
function build() {
  const result = spawnSync('turbo', turboArguments(['compile']), { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26, shell: windows })
  if (result.status === 0) return
  console.error(result.stdout, result.stderr)
  fail(result.error ? `Cannot run turbo: ${result.error.message}` : 'The build failed; the messages above say where.')
}

/** @param {readonly string[]} tasks */
function turboArguments(tasks) {
  return ['run', ...tasks, '--continue', '--output-logs=errors-only', '--log-order=grouped']
}

/**
 * Runs root tasks of turbo.json, which remembers the outcome of those whose inputs did not change.
 * @param {readonly string[]} tasks
 * @returns {number} exit code
 */
export function turbo(tasks) {
  return run('turbo', turboArguments(tasks))
}
