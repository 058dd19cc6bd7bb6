import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import semver from 'semver'
import { findBuiltInPlugins, findInstalledPlugins } from './find-plugins.js'
import { dependencyNames, findUpwards, packagesIn, projectsOf, readManifest } from './package-folders.js'
import { isObject } from './path.js'
import { contractMismatch, describePackage, type InstalledPlugin, isMarked } from './plugin-manifest.js'

/** Something about the installed plugins that a person should know. */
export interface Finding {
  /** `conflict`: something does not work · `notice`: it works, and perhaps not as expected. */
  severity: 'conflict' | 'notice'
  message: string
  hint: string
}

const core = '@servesim/core'

/**
 * Looks for conflicts among the plugins of a project and those that came along, from manifests alone: nothing is run.
 * @param ownFolder a folder inside the package that asks
 */
export function examinePlugins(cwd: string, ownFolder: string): Finding[] {
  const own = findInstalledPlugins(cwd, ownFolder)
  const builtIn = findBuiltInPlugins(ownFolder).filter(({ packageName }) => !own.some((plugin) => plugin.packageName === packageName))
  return [
    ...own.flatMap((plugin) => [...contractFindings(plugin), ...manifestFindings(plugin), ...coreFindings(plugin)]),
    ...sharedNames([...own, ...builtIn], new Set(own.map(({ packageName }) => packageName))),
    ...copiesOfCore([...own, ...builtIn], ownFolder),
    ...notDeclared(cwd),
  ]
}

function contractFindings(plugin: InstalledPlugin): Finding[] {
  const message = contractMismatch(plugin)
  return message === undefined ? [] : [{ severity: 'conflict', message, hint: `Install a release of ${plugin.packageName} for this core.` }]
}

/** The manifest against what lies in the package. */
function manifestFindings({ packageName, kind, provides, entry, folder }: InstalledPlugin): Finding[] {
  if (kind === 'bundle') {
    const { main, exports } = readManifest(folder) ?? {}
    return [
      ...(holdsBundle(folder)
        ? []
        : [conflict(`${packageName} calls itself a bundle and holds no bundle.json.`, 'Ask its author, or remove it.')]),
      ...(main === undefined && exports === undefined
        ? []
        : [notice(`${packageName} is a bundle with code; the code is never run.`, 'A bundle needs neither main nor exports.')]),
    ]
  }
  if (entry !== undefined && !existsSync(entry))
    return [
      conflict(
        `${packageName} has no file ${entry.slice(folder.length + 1)}, which its manifest leads to.`,
        'Install it again; a package of your own may need to be built.',
      ),
    ]
  if (kind === undefined || provides === undefined)
    return [
      notice(
        `${packageName} does not say what it provides, so it is loaded for every run.`,
        'Add "servesim": { "kind", "contract", "provides" } to its package.json.',
      ),
    ]
  return []
}

/** Bundles may lie some folders deeper: one for each model. */
function holdsBundle(folder: string): boolean {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((name) => basename(name) === 'bundle.json')
}

/** The core that a plugin finds against the one that it asks for. */
function coreFindings({ packageName, folder, kind }: InstalledPlugin): Finding[] {
  const { peerDependencies, dependencies } = readManifest(folder) ?? {}
  const range = [peerDependencies, dependencies]
    .map((list) => (isObject(list) ? list[core] : undefined))
    .find((one) => typeof one === 'string')
  if (kind === 'bundle' || typeof range !== 'string' || range.startsWith('workspace:')) return []
  const found = findUpwards(folder, core)
  if (found === undefined) return [conflict(`${packageName} needs ${core} ${range}, and finds none.`, `Run \`npm install ${core}\`.`)]
  const version = String(readManifest(found)?.version)
  if (semver.satisfies(version, range, { includePrerelease: true })) return []
  return [
    conflict(
      `${packageName} needs ${core} ${range}, and finds ${version}.`,
      `Install a release of ${packageName} for ${core} ${version}, or that core.`,
    ),
  ]
}

/** Two packages that provide one name at one point. @param own names of the project's packages */
function sharedNames(plugins: readonly InstalledPlugin[], own: ReadonlySet<string>): Finding[] {
  const owners = new Map<string, InstalledPlugin[]>()
  for (const plugin of plugins)
    for (const name of plugin.provides ?? []) {
      const key = `${plugin.kind === 'bundle' ? 'device' : plugin.kind} "${name}"`
      owners.set(key, [...(owners.get(key) ?? []), plugin])
    }
  return [...owners].flatMap(([key, sharing]) => {
    if (sharing.length < 2 || !sharing.some(({ packageName }) => own.has(packageName))) return []
    const names = sharing.map(({ packageName, version }) => `${packageName}@${version}`).join(' and ')
    const isData = sharing.some(({ kind }) => kind === 'bundle')
    return isData
      ? [
          notice(
            `${names} both provide the ${key}; the plugin is used unless a bundle is named.`,
            `Name it with --profile ${sharing.find(({ kind }) => kind === 'bundle')!.packageName}.`,
          ),
        ]
      : [conflict(`${names} both provide the ${key}.`, 'Uninstall one of them.')]
  })
}

function copiesOfCore(plugins: readonly InstalledPlugin[], ownFolder: string): Finding[] {
  const copies = new Map<string, string>()
  for (const folder of [ownFolder, ...plugins.map((plugin) => plugin.folder)]) {
    const found = findUpwards(folder, core)
    if (found !== undefined) copies.set(realpathSync(found), String(readManifest(found)?.version))
  }
  if (copies.size < 2) return []
  const listed = [...copies].map(([folder, version]) => `${version} in ${folder}`).join(', ')
  return [
    notice(
      `There are ${copies.size} copies of ${core}: ${listed}.`,
      'They work side by side as long as contracts agree; `npm dedupe` may merge them.',
    ),
  ]
}

/** Marked packages that lie in node_modules without being asked for: no scenario can use them. */
function notDeclared(cwd: string): Finding[] {
  return projectsOf(cwd)
    .slice(0, 1)
    .flatMap(({ folder, manifest }) => {
      const declared = new Set(dependencyNames(manifest))
      return packagesIn(join(folder, 'node_modules')).flatMap((inner) => {
        const marked = isMarked(readManifest(inner) ?? {}) ? describePackage(inner) : undefined
        if (marked === undefined || declared.has(marked.packageName) || marked.packageName.startsWith('@servesim/')) return []
        const message = `${marked.packageName} is installed, and ${manifest.name ?? 'this project'} does not depend on it: it is not loaded.`
        return [notice(message, `Run \`npm install ${marked.packageName}\` if you want it.`)]
      })
    })
}

function conflict(message: string, hint: string): Finding {
  return { severity: 'conflict', message, hint }
}

function notice(message: string, hint: string): Finding {
  return { severity: 'notice', message, hint }
}
