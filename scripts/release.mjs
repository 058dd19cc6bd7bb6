// `npm run release`: publishes every public package whose version the registry does not have, those first that others need.
// With --dry-run it packs and checks everything, says the order and sends nothing. Versions come from `npx changeset version`.
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packPackages, tarballProblems } from './check-packages.mjs'
import { workspacePackages } from './workspace-packages.mjs'

/** @import { WorkspacePackage } from './workspace-packages.mjs' */

const execute = promisify(execFile)

/**
 * Public packages in groups, each group behind all that it depends on.
 * @param {string} root
 * @returns {WorkspacePackage[][]}
 */
export function publishOrder(root) {
  const open = new Map(workspacePackages(root).flatMap((one) => (one.manifest.private ? [] : [[one.manifest.name, one]])))
  /** @type {WorkspacePackage[][]} */
  const groups = []
  while (open.size > 0) {
    const ready = [...open.values()].filter(
      ({ manifest }) => !Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).some((name) => open.has(name)),
    )
    if (ready.length === 0) throw new Error(`These packages depend on each other in a circle: ${[...open.keys()].join(', ')}.`)
    for (const one of ready) open.delete(one.manifest.name)
    groups.push(ready)
  }
  return groups
}

/**
 * Publishes tarballs in order.
 * @param {string} root
 * @param {Map<string, string>} tarballs by name
 * @param {{ npmArguments?: readonly string[], atOnce?: number, say?: (line: string) => void }} how `atOnce`: publishes under way at a time
 * @throws Error where one cannot be published; those before it were
 */
export async function publishAll(root, tarballs, { npmArguments = [], atOnce = 1, say = () => {} }) {
  for (const group of publishOrder(root)) {
    const left = [...group]
    const worker = async () => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) {
        const { name, version } = one.manifest
        say(`${await publish(`${name}@${version}`, tarballs.get(name) ?? '', npmArguments)} ${name}@${version}`)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
  }
}

/**
 * @param {string} id name and version
 * @param {string} tarball
 * @param {readonly string[]} npmArguments such as `--registry`
 * @returns {Promise<string>} what became of it
 */
async function publish(id, tarball, npmArguments) {
  try {
    await execute('npm', ['publish', tarball, '--access', 'public', ...npmArguments])
    return 'published'
  } catch (error) {
    // A release that broke off is started again.
    const found = await execute('npm', ['view', id, 'version', ...npmArguments]).catch(() => ({ stdout: '' }))
    if (found.stdout.trim() !== '') return 'found'
    throw new Error(`${id} was not published; those before it were.\n${/** @type {{ stderr?: string }} */ (error).stderr ?? error}`)
  }
}

/**
 * @param {string} root of the repository; its packages must be built
 * @param {{ dryRun: boolean, npmArguments: readonly string[] }} how
 * @returns {Promise<boolean>} false where something is wrong with a package; nothing was sent then
 */
async function release(root, { dryRun, npmArguments }) {
  const folder = mkdtempSync(join(tmpdir(), 'servesim-release-'))
  try {
    const tarballs = packPackages(root, folder)
    const problems = await tarballProblems([...tarballs.values()])
    for (const problem of problems) console.error(problem)
    if (problems.length > 0) return false
    if (dryRun) for (const { manifest } of publishOrder(root).flat()) console.log(`would publish ${manifest.name}@${manifest.version}`)
    else await publishAll(root, tarballs, { npmArguments, say: console.log })
    return true
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2)
  const dryRun = args.includes('--dry-run')
  if (!(await release(process.cwd(), { dryRun, npmArguments: args.filter((argument) => argument !== '--dry-run') }))) process.exitCode = 1
  else if (!dryRun) process.exitCode = spawnSync('changeset', ['tag'], { stdio: 'inherit' }).status ?? 1
}
