import { join, resolve } from 'node:path'
import { loadScenario, withDataFiles } from '@servesim/config'
import { isServesimError, nearMatches, type Registry, ServesimError } from '@servesim/core'
import { type Bundle, type BundleIdentity, type BundleSelection, sameDevice, sameModel } from '@servesim/profile'
import { writeBundle } from '@servesim/profile/node'
import { wrap } from '@servesim/report'
import { importContextOf, importersOf } from './bundles.js'
import { aiconfiguratorName, bundleFromAiconfigurator } from './import-aiconfigurator.js'
import { builtIn, ownFolder } from './prepare-run.js'
import { wholeNumber } from './run-flags.js'
import type { Terminal } from './terminal.js'

export interface SelectionFlags {
  model?: string
  device?: string
  dtype?: string
  tp?: string
}

export interface ImportFlags extends SelectionFlags {
  output: string
  replace?: boolean
  engine: string
  release?: string
}

/** Writes what an importer finds in a folder as bundles, and says what had to be extrapolated. */
export async function importProfiles(name: string, dir: string, flags: ImportFlags, terminal: Terminal): Promise<void> {
  const registry = await installed(terminal)
  if (name === aiconfiguratorName) return importTables(dir, flags, registry, terminal)
  const importers = importersOf(registry)
  const importer = importers.find((candidate) => candidate.name === name)
  if (importer === undefined) {
    const names = [aiconfiguratorName, ...importers.map((candidate) => candidate.name)]
    const near = nearMatches(name, names)
    throw new ServesimError(
      'SERVESIM_UNKNOWN_NAME',
      'profile import',
      `There is no importer "${name}"; installed: ${names.join(', ')}.`,
      near.length > 0 ? `Did you mean ${near[0]}?` : undefined,
    )
  }
  const from = resolve(terminal.cwd, dir)
  const selection = selectionOf(flags)
  const fitting = (await importer.list(from)).filter((identity) => fits(identity, selection))
  const to = resolve(terminal.cwd, flags.output)
  // With nothing or one to import, the importer says what is wrong or which it is.
  const wanted =
    fitting.length > 1
      ? fitting.map(({ device, model, dtype, kvCacheDtype }) => ({ ...selection, device, model, dtype, kvCacheDtype }))
      : [selection]
  let last: unknown
  let written = 0
  for (const one of wanted) {
    let bundle: Bundle
    try {
      bundle = await importer.import(from, one, importContextOf(registry))
    } catch (error) {
      // Of several, those that are complete are imported all the same.
      if (wanted.length === 1 || !isServesimError(error)) throw error
      terminal.note(`Left out: ${error.format()}\n`)
      last = error
      continue
    }
    written++
    const { device, model, dtype, kvCacheDtype } = bundle.manifest
    const folder =
      wanted.length === 1 ? to : join(to, device, ...model.split('/'), kvCacheDtype === 'auto' ? dtype : `${dtype}-kv${kvCacheDtype}`)
    write(bundle, folder, [], flags, terminal)
  }
  if (written === 0) throw last
}

function fits(identity: BundleIdentity, { device, model, dtype, tensorParallel }: BundleSelection): boolean {
  return (
    (device === undefined || sameDevice(identity.device, device)) &&
    (model === undefined || sameModel(identity.model, model)) &&
    (dtype === undefined || identity.dtype === dtype) &&
    (tensorParallel === undefined || identity.tensorParallel.includes(tensorParallel))
  )
}

/** Tables of kernels by shape hold no model: one must be named. */
async function importTables(dir: string, flags: ImportFlags, registry: Registry, terminal: Terminal): Promise<void> {
  if (flags.model === undefined)
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      '--model',
      'These tables hold kernels by their shapes, whatever the model: none is named.',
      'Name one with --model: an id, or the path of its config.json.',
    )
  const { pools } = withDataFiles({ pools: [{ model: flags.model }] }, terminal.cwd) as { pools: [{ model: string }] }
  const { bundle, derived } = await bundleFromAiconfigurator(
    resolve(terminal.cwd, dir),
    {
      model: pools[0].model,
      device: flags.device,
      tensorParallel: (flags.tp ?? '1').split(',').map((degree) => wholeNumber(degree.trim(), '--tp')),
      engine: flags.engine,
      release: flags.release,
    },
    registry,
  )
  write(bundle, resolve(terminal.cwd, flags.output), derived, flags, terminal)
}

function write(bundle: Bundle, folder: string, derived: readonly string[], { replace }: ImportFlags, terminal: Terminal): void {
  const { device, model, dtype, tensorParallel, engine, notes } = bundle.manifest
  writeBundle(bundle, folder, { replace: replace === true })
  terminal.print(`${model} on ${device}, ${dtype}, TP ${tensorParallel.join(', ')}, ${engine.name} ${engine.release} → ${folder}\n`)
  for (const note of [...derived, ...notes]) terminal.print(`${wrap(`- ${note}`, 98, '  ').join('\n')}\n`)
}

export async function installed(terminal: Terminal): Promise<Registry> {
  return (await loadScenario({ cwd: terminal.cwd, defaults: {}, builtIn, ownFolder })).registry
}

export function selectionOf({ model, device, dtype, tp }: SelectionFlags): BundleSelection {
  return {
    ...(model !== undefined && { model }),
    ...(device !== undefined && { device }),
    ...(dtype !== undefined && { dtype }),
    ...(tp !== undefined && { tensorParallel: wholeNumber(tp, '--tp') }),
  }
}
