import { existsSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isServesimError, nearMatches, type Plugin, ServesimError } from '@servesim/core'
import { findDependency, findInstalledPlugins, type InstalledPlugin, projectDependencies } from './find-plugins.js'
import { isObject } from './path.js'

/**
 * Plugins in a module that a person named: a file of their own, or a package that their project depends on.
 * @throws ServesimError SERVESIM_BAD_FILE, SERVESIM_UNKNOWN_NAME
 */
export async function loadPlugin(reference: string, cwd: string): Promise<Plugin[]> {
  if (isPath(reference)) {
    const file = resolve(cwd, reference)
    if (!existsSync(file))
      throw new ServesimError(
        'SERVESIM_BAD_FILE',
        reference,
        'There is no such file.',
        'Give the path of a plugin module, from the current folder on.',
      )
    return importPlugins(file, reference)
  }
  const found = findDependency(cwd, reference)
  if (found !== undefined) return importPlugins(found.entry, reference)
  const near = nearMatches(reference, projectDependencies(cwd))
  throw new ServesimError(
    'SERVESIM_UNKNOWN_NAME',
    'plugins',
    `"${reference}" is no direct dependency of this project.`,
    near.length > 0
      ? `Did you mean ${near.join(' or ')}?`
      : `Install it with \`npm install ${reference}\`, or give the path of a file, such as ./${reference}.mjs.`,
  )
}

/**
 * Installed plugins that a scenario may need: those which provide a name that it mentions, or do not say what they provide. Others are
 * not imported.
 */
export async function loadMentioned(names: ReadonlySet<string>, cwd: string, ownFolder: string): Promise<Plugin[]> {
  const wanted = findInstalledPlugins(cwd, ownFolder).filter(
    ({ provides }) => provides?.some((name) => names.has(name.toLowerCase())) ?? true,
  )
  const loaded = await Promise.all(wanted.map((plugin: InstalledPlugin) => importPlugins(plugin.entry, plugin.packageName)))
  return loaded.flat()
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

function isPath(reference: string): boolean {
  return reference.startsWith('.') || reference.startsWith('/') || /\.[cm]?[jt]s$/.test(reference) || /^[A-Za-z]:[\\/]/.test(reference)
}
