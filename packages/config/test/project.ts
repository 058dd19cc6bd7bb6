import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A folder of its own for each project of a test file. */
export class Projects {
  readonly root = mkdtempSync(join(tmpdir(), 'servesim-config-'))
  private count = 0

  /** An empty project. */
  next(): string {
    const folder = join(this.root, String(this.count++))
    mkdirSync(folder)
    return folder
  }

  remove(): void {
    rmSync(this.root, { recursive: true })
  }
}

/** Writes files below a folder; what is no text is written as JSON. */
export function write(folder: string, files: Record<string, unknown>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  }
}

/** A plugin package that provides one router. */
export function plugin(name: string, provides: string[], fields: object = {}): Record<string, unknown> {
  const code = `export const plugin = { name: '${name}', setup(host) { host.provide({ id: 'servesim/router', contract: 1, cardinality: 'named', scope: 'cluster' }, { name: '${provides[0]}', description: '', options: undefined, build() {} }) } }`
  return {
    [`node_modules/${name}/package.json`]: {
      name,
      version: '1.0.0',
      keywords: ['servesim-plugin'],
      exports: { '.': { types: './x.d.ts', default: './main.mjs' } },
      servesim: { kind: 'router', contract: 1, provides },
      ...fields,
    },
    [`node_modules/${name}/main.mjs`]: code,
  }
}

/** A package whose code must never run. */
export function forbidden(name: string, fields: object = {}): Record<string, unknown> {
  return {
    ...plugin(name, ['forbidden'], fields),
    [`node_modules/${name}/main.mjs`]: 'globalThis.servesimForbidden = true\nthrow new Error("this code ran")',
  }
}

/** What has run of it. */
export const hasRun = (): boolean => 'servesimForbidden' in globalThis

/** A device of data only. */
export function bundlePackage(name: string, device: string, fields: object = {}): Record<string, unknown> {
  return {
    [`node_modules/${name}/package.json`]: {
      name,
      version: '1.0.0',
      keywords: ['servesim-plugin'],
      servesim: { kind: 'bundle', contract: 1, provides: [device] },
      ...fields,
    },
    [`node_modules/${name}/bundle.json`]: { schemaVersion: 1, device },
  }
}
