import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { isObject } from './path.js'

/** What a plugin package's manifest says; nothing of it has been run. */
export interface InstalledPlugin {
  packageName: string
  version: string
  description: string
  folder: string
  /** Names it provides; undefined where the manifest does not say. */
  provides: string[] | undefined
  /** File that `import` would load. */
  entry: string
}

const keyword = 'servesim-plugin'

/**
 * Plugin packages that the project at or above `cwd` depends on directly, then those installed beside a command line that lies outside
 * the project (`npm install --global servesim servesim-router-x`, `npx -p`). Only manifests are read.
 * @param ownFolder a folder inside the package that asks
 */
export function findInstalledPlugins(cwd: string, ownFolder: string): InstalledPlugin[] {
  const project = nearestManifest(cwd)
  const found = project === undefined ? [] : directDependencies(project)
  const beside = outermostNodeModules(ownFolder)
  if (beside !== undefined && (project === undefined || dirname(beside) !== dirname(project))) found.push(...packagesIn(beside))
  const names = new Set<string>()
  return found.filter(({ packageName }) => !names.has(packageName) && names.add(packageName))
}

/** The direct dependency of that name of the project at or above `cwd`. */
export function findDependency(cwd: string, packageName: string): InstalledPlugin | undefined {
  const project = nearestManifest(cwd)
  if (project === undefined || !dependencyNames(readJson(project)).includes(packageName)) return undefined
  return describe(findUpwards(dirname(project), packageName))
}

/** Names of the direct dependencies of the project at or above `cwd`, for near matches. */
export function projectDependencies(cwd: string): string[] {
  const project = nearestManifest(cwd)
  return project === undefined ? [] : dependencyNames(readJson(project))
}

function directDependencies(manifestFile: string): InstalledPlugin[] {
  return dependencyNames(readJson(manifestFile)).flatMap((name) => pluginAt(findUpwards(dirname(manifestFile), name)))
}

function dependencyNames(manifest: Record<string, unknown> | undefined): string[] {
  const lists = [manifest?.dependencies, manifest?.devDependencies, manifest?.optionalDependencies]
  return lists.flatMap((list) => (isObject(list) ? Object.keys(list) : [])).sort()
}

function packagesIn(nodeModules: string): InstalledPlugin[] {
  const names = readdirSync(nodeModules).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(nodeModules, name)).map((inner) => `${name}/${inner}`) : name.startsWith('.') ? [] : [name],
  )
  return names.sort().flatMap((name) => pluginAt(join(nodeModules, name)))
}

function pluginAt(folder: string | undefined): InstalledPlugin[] {
  if (folder === undefined) return []
  const { keywords } = readJson(join(folder, 'package.json')) ?? {}
  const plugin = Array.isArray(keywords) && keywords.includes(keyword) ? describe(folder) : undefined
  return plugin === undefined ? [] : [plugin]
}

function describe(folder: string | undefined): InstalledPlugin | undefined {
  if (folder === undefined) return undefined
  const manifest = readJson(join(folder, 'package.json'))
  if (manifest === undefined) return undefined
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  const provides = isObject(manifest.servesim) ? manifest.servesim.provides : undefined
  return {
    packageName: text(manifest.name),
    version: text(manifest.version),
    description: text(manifest.description),
    folder: realpathSync(folder),
    provides: Array.isArray(provides) ? provides.filter((name) => typeof name === 'string') : undefined,
    entry: join(realpathSync(folder), entryOf(manifest)),
  }
}

/** Node's own resolver has no way to start from another folder and with the `import` condition, so `exports` is read here. */
function entryOf(manifest: Record<string, unknown>): string {
  const { exports, main } = manifest
  const root = isObject(exports) && '.' in exports ? exports['.'] : exports
  return conditional(root) ?? (typeof main === 'string' ? main : 'index.js')
}

function conditional(target: unknown): string | undefined {
  if (typeof target === 'string') return target
  if (Array.isArray(target)) return target.map(conditional).find((found) => found !== undefined)
  if (!isObject(target)) return undefined
  for (const [condition, inner] of Object.entries(target)) {
    const found = ['node', 'import', 'default'].includes(condition) ? conditional(inner) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

function nearestManifest(cwd: string): string | undefined {
  return upwards(cwd)
    .map((folder) => join(folder, 'package.json'))
    .find((file) => existsSync(file))
}

function findUpwards(from: string, name: string): string | undefined {
  return upwards(from)
    .map((folder) => join(folder, 'node_modules', name))
    .find((folder) => existsSync(join(folder, 'package.json')))
}

/** The folder and all above it, nearest first. */
function upwards(folder: string): string[] {
  const above = dirname(folder)
  return above === folder ? [folder] : [folder, ...upwards(above)]
}

function outermostNodeModules(folder: string): string | undefined {
  const parts = folder.split(sep)
  const at = parts.indexOf('node_modules')
  return at < 0 ? undefined : parts.slice(0, at + 1).join(sep)
}

function readJson(file: string): Record<string, unknown> | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return isObject(content) ? content : undefined
  } catch {
    return undefined
  }
}
