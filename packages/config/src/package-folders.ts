import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { isObject } from './path.js'

export type Manifest = Record<string, unknown>

/** A package.json that declares dependencies, and where it stands. */
export interface Project {
  folder: string
  manifest: Manifest
}

/** The project at or above a folder, and behind it the workspace that the project belongs to, where it belongs to one. */
export function projectsOf(cwd: string): Project[] {
  const above = upwards(cwd).flatMap((folder) => {
    const manifest = readManifest(folder)
    return manifest === undefined ? [] : [{ folder, manifest }]
  })
  const [project, ...others] = above
  const workspace = others.find(
    ({ folder, manifest }) => manifest.workspaces !== undefined || existsSync(join(folder, 'pnpm-workspace.yaml')),
  )
  return [project, workspace].filter((one) => one !== undefined)
}

/** Names of the direct dependencies that a manifest declares, sorted. */
export function dependencyNames({ dependencies, devDependencies, optionalDependencies }: Manifest): string[] {
  const lists = [dependencies, devDependencies, optionalDependencies]
  return [...new Set(lists.flatMap((list) => (isObject(list) ? Object.keys(list) : [])))].sort()
}

/** Folder of the package of that name, as Node finds it from a folder on. */
export function findUpwards(from: string, name: string): string | undefined {
  return upwards(from)
    .map((folder) => join(folder, 'node_modules', name))
    .find((folder) => existsSync(join(folder, 'package.json')))
}

/** Folders of all packages in a `node_modules` folder, by name. */
export function packagesIn(nodeModules: string): string[] {
  if (!existsSync(nodeModules)) return []
  const names = readdirSync(nodeModules).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(nodeModules, name)).map((inner) => `${name}/${inner}`) : name.startsWith('.') ? [] : [name],
  )
  return names.sort().map((name) => join(nodeModules, name))
}

/** The outermost `node_modules` folder that a folder lies in. */
export function outermostNodeModules(folder: string): string | undefined {
  const parts = folder.split(sep)
  const at = parts.indexOf('node_modules')
  return at < 0 ? undefined : parts.slice(0, at + 1).join(sep)
}

/** undefined where there is none that can be read. */
export function readManifest(folder: string): Manifest | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return isObject(content) ? content : undefined
  } catch {
    return undefined
  }
}

/** The folder and all above it, nearest first. */
function upwards(folder: string): string[] {
  const above = dirname(folder)
  return above === folder ? [folder] : [folder, ...upwards(above)]
}
