import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { ServesimError } from '@servesim/core'
import { bundleFolder } from './bundle-packages.js'
import { isObject } from './path.js'
import { forEachPool } from './use.js'

/**
 * A scenario whose references to data files hold from anywhere: `workload.file`, a device's `bundle` and a device that is a folder become
 * absolute paths, a model that is a path becomes the content of its `config.json`, a technique's `draftModel` too.
 * @param folder that relative paths start from
 * @throws ServesimError SERVESIM_BAD_FILE
 */
export function withDataFiles(scenario: unknown, folder: string): unknown {
  if (!isObject(scenario)) return scenario
  const { workload } = scenario
  const located = isObject(workload) ? { ...scenario, workload: withAbsolute(workload, 'file', folder) } : scenario
  return forEachPool(located, (pool) => ({
    ...pool,
    ...(pool.device !== undefined && { device: locatedDevice(pool.device, folder) }),
    ...withModelConfig(pool, 'model', folder),
    ...(Array.isArray(pool.techniques) && {
      techniques: pool.techniques.map((of) => (isObject(of) ? { ...of, ...withModelConfig(of, 'draftModel', folder) } : of)),
    }),
  }))
}

function withModelConfig(of: Record<string, unknown>, member: string, folder: string): Record<string, unknown> {
  const path = of[member]
  return typeof path === 'string' && isPath(path) ? { [member]: readModelConfig(resolve(folder, path), path) } : {}
}

/** A device may be a folder: of figures, of bundles, or of both. */
function locatedDevice(device: unknown, folder: string): unknown {
  if (typeof device === 'string') return isPath(device) ? resolve(folder, device) : device
  if (!isObject(device)) return device
  const located = typeof device.bundle === 'string' ? { ...device, bundle: bundleFolder(device.bundle, folder) } : device
  return typeof located.use === 'string' && isPath(located.use) ? withAbsolute(located, 'use', folder) : located
}

function withAbsolute(choice: Record<string, unknown>, member: string, folder: string): Record<string, unknown> {
  const path = choice[member]
  return typeof path === 'string' ? { ...choice, [member]: resolve(folder, path) } : choice
}

/** Ids have at most one slash and no dot in front; paths begin with one or end in `.json`. */
function isPath(model: string): boolean {
  return /^[./~]|\.json$/.test(model)
}

/**
 * A Hugging Face `config.json`. Where it does not say its name, the file's or folder's stands in, so that bundles can be matched.
 * @param path of the file, or of the folder that holds `config.json`
 */
function readModelConfig(path: string, written: string): Record<string, unknown> {
  const file = path.endsWith('.json') ? path : `${path}/config.json`
  const bad = (message: string, hint: string) => new ServesimError('SERVESIM_BAD_FILE', written, message, hint)
  if (!existsSync(file))
    throw bad(
      'There is no such model file.',
      'Give the path of a Hugging Face config.json, or the id of a model that `servesim models` lists.',
    )
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw bad(`The model file is cut off or no JSON: ${(error as Error).message}.`, 'Copy it again.')
  }
  if (!isObject(content)) throw bad('The model file holds no object.', 'Expected the content of a Hugging Face config.json.')
  const name = basename(file) === 'config.json' ? basename(dirname(file)) : basename(file, '.json')
  return typeof content._name_or_path === 'string' && content._name_or_path !== '' ? content : { ...content, _name_or_path: name }
}
