import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Kind, kinds, manifestKind } from './kinds.js'
import { packageManifest } from './package-manifest.js'

export interface PluginRequest {
  kind: Kind
  /** kebab-case; scenarios name it in `use`. */
  name: string
  /** npm scope of the package, such as `@acme`. */
  scope?: string | undefined
  /** Where it goes; absent: a folder called like the package. */
  folder?: string | undefined
  /** Write into a folder that holds something. */
  force?: boolean | undefined
}

export interface CreatedPlugin {
  packageName: string
  /** Absolute. */
  folder: string
}

const templates = fileURLToPath(new URL('../templates/', import.meta.url))

/**
 * Writes a plugin package that builds, passes its conformance suite and can be published as it is.
 * @param cwd folder that `folder` starts from
 * @throws Error with a sentence for people
 */
export function createPlugin({ kind, name, scope, folder, force = false }: PluginRequest, cwd: string): CreatedPlugin {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    throw new Error(`The name "${name}" is not in kebab-case: small letters, digits and single dashes, beginning with a letter.`)
  if (scope !== undefined && !/^@[a-z0-9][a-z0-9._-]*$/.test(scope)) throw new Error(`"${scope}" is no npm scope; one looks like @acme.`)
  const unscoped = `servesim-${manifestKind(kind)}-${name}`
  const packageName = scope === undefined ? unscoped : `${scope}/${unscoped}`
  const target = resolve(cwd, folder ?? unscoped)
  if (!force && existsSync(target) && readdirSync(target).length > 0)
    throw new Error(`The folder ${target} is not empty. Name another one, or use --force to write into it.`)
  write(target, kind, name, packageName)
  return { packageName, folder: target }
}

/** Everything is written beside the target first, so that what breaks off leaves nothing half-made. */
function write(target: string, kind: Kind, name: string, packageName: string): void {
  mkdirSync(dirname(target), { recursive: true })
  const fresh = mkdtempSync(join(dirname(target), `.${basename(target)}-`))
  try {
    for (const part of kind === 'device-data' ? [kind] : ['package', kind]) cpSync(join(templates, part), fresh, { recursive: true })
    renameSync(join(fresh, '_gitignore'), join(fresh, '.gitignore'))
    for (const file of readdirSync(fresh, { recursive: true, encoding: 'utf8', withFileTypes: true })) {
      if (!file.isFile()) continue
      const path = join(file.parentPath, file.name)
      writeFileSync(path, named(readFileSync(path, 'utf8'), kind, name, packageName))
    }
    const example = readFileSync(join(fresh, 'servesim.yaml'), 'utf8').trimEnd()
    const readme = readFileSync(join(fresh, 'README.md'), 'utf8')
    writeFileSync(join(fresh, 'README.md'), readme.replace('EXAMPLE', example))
    writeFileSync(join(fresh, 'package.json'), `${JSON.stringify(packageManifest(kind, name, packageName), null, 2)}\n`)
    if (!existsSync(target)) renameSync(fresh, target)
    else cpSync(fresh, target, { recursive: true })
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** Templates are a working plugin called `example-name`. */
function named(text: string, kind: Kind, name: string, packageName: string): string {
  const pascal = name.replace(/(^|-)(.)/g, (_, _dash, letter: string) => letter.toUpperCase())
  return text
    .replaceAll('servesim-kind-example-name', packageName)
    .replaceAll('KIND_SENTENCE', kinds[kind])
    .replaceAll('example-name', name)
    .replaceAll('exampleName', pascal[0]!.toLowerCase() + pascal.slice(1))
    .replaceAll('ExampleName', pascal)
}
