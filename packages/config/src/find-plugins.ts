import { dirname } from 'node:path'
import { dependencyNames, findUpwards, outermostNodeModules, packagesIn, projectsOf, readManifest } from './package-folders.js'
import { describePackage, type InstalledPlugin, isMarked, kinds } from './plugin-manifest.js'

/**
 * Plugin packages that the project at or above `cwd`, and its workspace, depend on directly, then those installed beside a command line
 * that lies outside the project (`npm install --global servesim servesim-router-x`, `npx -p`). Only manifests are read.
 * @param ownFolder a folder inside the package that asks
 */
export function findInstalledPlugins(cwd: string, ownFolder: string): InstalledPlugin[] {
  const projects = projectsOf(cwd)
  const folders = projects.flatMap(({ folder, manifest }) => dependencyFolders(folder, dependencyNames(manifest)))
  const beside = outermostNodeModules(ownFolder)
  if (beside !== undefined && !projects.some(({ folder }) => folder === dirname(beside))) folders.push(...chosenBeside(beside))
  const names = new Set<string>()
  return folders.flatMap(marked).filter(({ packageName }) => !names.has(packageName) && names.add(packageName))
}

/** Plugin packages that came with the package that asks: its dependencies, and those of presets among them. */
export function findBuiltInPlugins(ownFolder: string): InstalledPlugin[] {
  const found = new Map<string, InstalledPlugin>()
  const visit = (folder: string) => {
    for (const dependency of dependencyFolders(folder, Object.keys(readManifest(folder)?.dependencies ?? {}).sort())) {
      for (const plugin of marked(dependency)) {
        if (found.has(plugin.packageName)) continue
        found.set(plugin.packageName, plugin)
        visit(plugin.folder)
      }
    }
  }
  const [own] = projectsOf(ownFolder)
  if (own !== undefined) visit(own.folder)
  return [...found.values()]
}

/**
 * A direct dependency of the project or its workspace, by its name or by a short one: `rr` is `@servesim/<kind>-rr`, else
 * `servesim-<kind>-rr`, of whatever kind there is.
 */
export function findDependency(cwd: string, name: string): InstalledPlugin | undefined {
  for (const { folder, manifest } of projectsOf(cwd)) {
    const names = dependencyNames(manifest)
    const full = [name, ...longNames(name)].find((candidate) => names.includes(candidate))
    const found = full === undefined ? undefined : findUpwards(folder, full)
    if (found !== undefined) return describePackage(found)
  }
  return undefined
}

/** Package names that a short name may stand for, in the order in which they are looked for. @param ofKinds those in question */
export function longNames(name: string, ofKinds: readonly string[] = [...kinds, 'bundle']): string[] {
  return ['@servesim/', 'servesim-'].flatMap((prefix) => ofKinds.map((kind) => `${prefix}${kind}-${name}`))
}

/** Names of the direct dependencies of the project at or above `cwd`, for near matches. */
export function projectDependencies(cwd: string): string[] {
  return projectsOf(cwd).flatMap(({ manifest }) => dependencyNames(manifest))
}

/** What was installed on purpose beside a command line: `npx -p` writes it into a manifest; globally, only what was asked for lies at the top. */
function chosenBeside(nodeModules: string): string[] {
  const manifest = readManifest(dirname(nodeModules))
  return manifest === undefined ? packagesIn(nodeModules) : dependencyFolders(dirname(nodeModules), dependencyNames(manifest))
}

function dependencyFolders(folder: string, names: readonly string[]): string[] {
  return names.flatMap((name) => findUpwards(folder, name) ?? [])
}

function marked(folder: string): InstalledPlugin[] {
  const manifest = readManifest(folder)
  const plugin = manifest !== undefined && isMarked(manifest) ? describePackage(folder) : undefined
  return plugin === undefined ? [] : [plugin]
}
