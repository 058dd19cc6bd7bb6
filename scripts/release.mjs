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
 * Public packages, each behind all those that it depends on.
 * @param {string} root
 * @returns {WorkspacePackage[]}
 */
export function publishOrder(root) {
  const open = new Map(workspacePackages(root).flatMap((one) => (one.manifest.private ? [] : [[one.manifest.name, one]])))
  /** @type {WorkspacePackage[]} */
  const ordered = []
  while (open.size > 0) {
    const ready = [...open.values()].filter(
      ({ manifest }) => !Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).some((name) => open.has(name)),
    )
    if (ready.length === 0) throw new Error(`These packages depend on each other in a circle: ${[...open.keys()].join(', ')}.`)
    for (const one of ready) open.delete(one.manifest.name)
    ordered.push(...ready)
  }
  return ordered
}

/**
 * @param {string} name
 * @param {string} version
 * @param {readonly string[]} npmArguments such as `--registry`
 */
async function isPublished(name, version, npmArguments) {
  try {
    const { stdout } = await execute('npm', ['view', `${name}@${version}`, 'version', ...npmArguments])
    return stdout.trim() === version
  } catch {
    return false
  }
}

/**
 * @param {string} root of the repository; its packages must be built
 * @param {{ dryRun: boolean, npmArguments?: readonly string[] }} how
 * @returns {Promise<boolean>} false where something is wrong; nothing was sent then
 */
export async function release(root, { dryRun, npmArguments = [] }) {
  const folder = mkdtempSync(join(tmpdir(), 'servesim-release-'))
  try {
    const tarballs = packPackages(root, folder)
    const problems = await tarballProblems([...tarballs.values()])
    for (const problem of problems) console.error(problem)
    if (problems.length > 0) return false
    for (const { manifest } of publishOrder(root)) {
      const { name, version } = manifest
      if (dryRun) console.log(`would publish ${name}@${version}`)
      else if (await isPublished(name, version, npmArguments)) console.log(`${name}@${version} is there already`)
      else {
        const { status } = spawnSync('npm', ['publish', tarballs.get(name) ?? '', '--access', 'public', ...npmArguments], {
          stdio: 'inherit',
        })
        if (status !== 0) throw new Error(`${name}@${version} was not published; those before it were.`)
        console.log(`published ${name}@${version}`)
      }
    }
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
