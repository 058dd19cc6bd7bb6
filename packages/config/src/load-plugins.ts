import { existsSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isServesimError, nearMatches, type Plugin, ServesimError } from '@servesim/core'
import { findDependency, projectDependencies } from './find-plugins.js'
import { isObject } from './path.js'
import { checkContract, type InstalledPlugin } from './plugin-manifest.js'

/**
 * Plugins that a person named: a package that their project depends on, by its name or a short one, else a file of their own.
 * @throws ServesimError SERVESIM_BAD_FILE, SERVESIM_UNKNOWN_NAME, SERVESIM_CONTRACT_MISMATCH
 */
export async function loadPlugin(reference: string, cwd: string): Promise<Plugin[]> {
  const file = resolve(cwd, reference)
  if (!isPath(reference)) {
    if (findDependency(cwd, reference) !== undefined || !existsSync(file)) return loadPackage(reference, cwd)
    return importPlugins(file, reference)
  }
  if (existsSync(file)) return importPlugins(file, reference)
  throw new ServesimError(
    'SERVESIM_BAD_FILE',
    reference,
    'There is no such file.',
    'Give the path of a plugin module, from the current folder on.',
  )
}

/**
 * Plugins of a package that the project depends on directly: all that a file of data may name.
 * @throws ServesimError SERVESIM_UNKNOWN_NAME, SERVESIM_BAD_FILE, SERVESIM_CONTRACT_MISMATCH
 */
export async function loadPackage(name: string, cwd: string): Promise<Plugin[]> {
  const found = findDependency(cwd, name)
  if (found !== undefined) return importPackage(found)
  const near = nearMatches(name, projectDependencies(cwd))
  throw new ServesimError(
    'SERVESIM_UNKNOWN_NAME',
    'plugins',
    `"${name}" is no direct dependency of this project.`,
    near.length > 0
      ? `Did you mean ${near.join(' or ')}?`
      : `Install it with \`npm install ${name}\`, or give the path of a file, such as ./${name}.mjs.`,
  )
}

/**
 * Installed plugins that a scenario may need: those which provide a name that it mentions, are called after one, or do not say what they
 * provide. Others are not imported, and bundles never are.
 */
export async function loadMentioned(names: ReadonlySet<string>, installed: readonly InstalledPlugin[]): Promise<Plugin[]> {
  const wanted = installed.filter(
    ({ entry, kind, provides, packageName }) =>
      entry !== undefined &&
      (provides === undefined ||
        provides.some((name) => names.has(name.toLowerCase())) ||
        (kind !== undefined && isNamedAfter(packageName, kind, names))),
  )
  return (await Promise.all(wanted.map(importPackage))).flat()
}

/** `servesim-router-rr` and `@acme/servesim-router-rr` are called after `rr`. */
function isNamedAfter(packageName: string, kind: string, names: ReadonlySet<string>): boolean {
  const at = packageName.indexOf(`${kind}-`)
  return at >= 0 && names.has(packageName.slice(at + kind.length + 1).toLowerCase())
}

async function importPackage(plugin: InstalledPlugin): Promise<Plugin[]> {
  checkContract(plugin)
  if (plugin.entry !== undefined) return importPlugins(plugin.entry, plugin.packageName)
  throw new ServesimError(
    'SERVESIM_BAD_FILE',
    plugin.packageName,
    'This package is a bundle: data, which holds no plugin.',
    `Name its device, such as ${plugin.provides?.[0] ?? 'device'}, or the package in --profile.`,
  )
}

/** Every string that a scenario holds, in lower case: names of providers are among them. */
export function mentionedNames(value: unknown, names = new Set<string>()): Set<string> {
  if (typeof value === 'string') names.add(value.toLowerCase())
  else if (Array.isArray(value)) for (const entry of value) mentionedNames(entry, names)
  else if (isObject(value) && !ArrayBuffer.isView(value)) for (const entry of Object.values(value)) mentionedNames(entry, names)
  return names
}

/**
 * A person's own plugins and those that came with the command line, less the ones of these that the person's own replace by name.
 */
export function withOwnFirst(own: readonly Plugin[], builtIn: readonly Plugin[]): Plugin[] {
  const names = new Set(flatten(own).map((plugin) => plugin.name))
  return [...own, ...flatten(builtIn).filter((plugin) => !names.has(plugin.name))]
}

/** Plugins and those they bring along, each by itself. */
function flatten(plugins: readonly Plugin[]): Plugin[] {
  return plugins.flatMap((plugin) => [{ name: plugin.name, setup: (host) => plugin.setup(host) }, ...flatten(plugin.plugins ?? [])])
}

async function importPlugins(file: string, reference: string): Promise<Plugin[]> {
  const module = await importModule(file, reference)
  const plugins = [...new Set(Object.values(module).filter(isPlugin))]
  if (plugins.length > 0) return plugins
  throw new ServesimError(
    'SERVESIM_BAD_FILE',
    reference,
    'The module exports no plugin; expected what definePlugin returns.',
    'Export it by any name, or as default.',
  )
}

/** @throws ServesimError SERVESIM_BAD_FILE with the reason */
export async function importModule(file: string, reference: string): Promise<Record<string, unknown>> {
  try {
    if (['.ts', '.mts', '.cts'].includes(extname(file))) {
      const { createJiti } = await import('jiti')
      return await createJiti(import.meta.url).import<Record<string, unknown>>(file)
    }
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>
  } catch (error) {
    if (isServesimError(error)) throw error
    throw new ServesimError(
      'SERVESIM_BAD_FILE',
      reference,
      `The module cannot be loaded: ${(error as Error).message.split('\n')[0]}.`,
      'Correct it, or leave it out.',
    )
  }
}

function isPlugin(value: unknown): value is Plugin {
  return isObject(value) && typeof value.name === 'string' && typeof value.setup === 'function'
}

/** Names of packages have at most a scope and a slash; whatever else could lead to a file is a path. */
export function isPath(reference: string): boolean {
  return !/^(@[\w.-]+\/)?\w[\w.-]*$/.test(reference) || /\.[cm]?[jt]s$/.test(reference)
}
