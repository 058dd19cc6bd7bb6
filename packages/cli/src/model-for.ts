import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { type Model, modelSource, nearMatches, type Registry, ServesimError } from '@servesim/core'
import { readJsonFile } from './validate/run-files.js'

/**
 * A model by its id or by the path of its config.json.
 * @returns with the content of that file, where it was one
 * @throws ServesimError SERVESIM_UNKNOWN_NAME
 */
export function modelFor(text: string, cwd: string, registry: Registry): { model: Model; config: Record<string, unknown> | undefined } {
  const path = resolve(cwd, text)
  const config = existsSync(path) && text.endsWith('.json') ? named(readJsonFile(path), path) : undefined
  return { model: resolveModel(config ?? text, registry), config }
}

/** @throws ServesimError SERVESIM_UNKNOWN_NAME */
export function resolveModel(reference: string | Record<string, unknown>, registry: Registry): Model {
  const sources = registry.all(modelSource).map(({ provided }) => provided)
  for (const source of sources) {
    const model = source.resolve(reference)
    if (model !== undefined) return model
  }
  const near = nearMatches(
    String(reference),
    sources.flatMap((source) => source.list()),
  )
  throw new ServesimError(
    'SERVESIM_UNKNOWN_NAME',
    '--model',
    `There is no model and no config.json "${reference}".`,
    near.length > 0 ? `Did you mean ${near.join(' or ')}?` : '`servesim models` lists the known ones; any other goes by its config.json.',
  )
}

/** A configuration without a name is called after its folder. */
function named(config: Record<string, unknown>, path: string): Record<string, unknown> {
  const file = basename(path, '.json')
  return { _name_or_path: file === 'config' ? basename(dirname(path)) : file, ...config }
}
