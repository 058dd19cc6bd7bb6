import type { Model, ModelSource } from '@servesim/core'
import { catalogueRows } from './catalogue-rows.js'
import { parseModelConfig } from './config.js'
import { createModel } from './model.js'

/** Rows by every id and last segment that leads to them, in lower case; a segment of two different models leads nowhere. */
const rowsByName = indexNames()

function indexNames(): Map<string, (typeof catalogueRows)[number]> {
  const index = new Map<string, (typeof catalogueRows)[number]>()
  const ambiguous = new Set<string>()
  for (const row of catalogueRows) {
    for (const id of [row.id, ...row.aliases].map((name) => name.toLowerCase())) {
      const segment = id.slice(id.lastIndexOf('/') + 1)
      const other = index.get(segment)
      if (other !== undefined && other !== row) ambiguous.add(segment)
      index.set(id, row)
      index.set(segment, row)
    }
  }
  for (const segment of ambiguous) index.delete(segment)
  return index
}

/**
 * The models that come with servesim, and any other by the content of its `config.json`. An alias gives the model under its own id, so
 * that a bundle measured with the base model serves the instruction-tuned one too.
 */
export const catalogue: ModelSource = {
  name: 'catalogue',
  resolve(reference): Model | undefined {
    if (typeof reference !== 'string') {
      const architecture = parseModelConfig(completed(reference), 'model')
      return createModel(nameOf(reference), architecture)
    }
    const row = rowsByName.get(reference.toLowerCase())
    return row && createModel(row.id, parseModelConfig(row.config, `catalogue.${row.id}`))
  },
  list: () => catalogueRows.map((row) => row.id),
}

/** A configuration that names a known model and no family says what differs from it, such as how it is quantised. */
function completed(reference: Record<string, unknown>): Record<string, unknown> {
  if (reference.model_type !== undefined) return reference
  const known = rowsByName.get(nameOf(reference).toLowerCase())
  return known === undefined ? reference : { ...known.config, ...reference }
}

/** A configuration seldom says its name; where it does, it is an id or the folder it was saved from. */
function nameOf(config: Record<string, unknown>): string {
  const name = config._name_or_path
  return typeof name === 'string' && name !== '' ? name : `${config.model_type}`
}
