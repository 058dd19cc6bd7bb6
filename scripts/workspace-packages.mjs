import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @typedef {object} WorkspacePackage
 * @property {string} folder relative to the root, with slashes
 * @property {any} manifest its package.json
 */

/** Folders that hold packages, and how deep: as in pnpm-workspace.yaml. */
const homes = /** @type {const} */ ([
  ['packages', 1],
  ['plugins', 2],
  ['apps', 1],
])

/**
 * @param {string} root of the repository
 * @returns {WorkspacePackage[]} by folder
 */
export function workspacePackages(root) {
  return homes
    .flatMap(([home, depth]) => foldersBelow(root, home, depth))
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) }))
}

/**
 * @param {string} root
 * @param {string} folder
 * @param {number} depth
 * @returns {string[]}
 */
function foldersBelow(root, folder, depth) {
  if (depth === 0) return [folder]
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map((entry) => entry.name)
    .sort()
    .flatMap((name) => foldersBelow(root, `${folder}/${name}`, depth - 1))
}

/**
 * Prints what a check found and sets the exit code.
 * @param {string[]} problems one sentence each
 */
export function report(problems) {
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
}
