import { ServesimError } from '@servesim/core'

export type PathKey = string | number

/**
 * `pools[0].scheduler.release` → `['pools', 0, 'scheduler', 'release']`.
 * @throws ServesimError SERVESIM_BAD_OPTION
 */
export function parsePath(text: string): PathKey[] {
  const keys: PathKey[] = []
  const token = /(?:^|\.)([A-Za-z_$][\w$-]*)|\[(\d{1,6})\]/y
  while (token.lastIndex < text.length) {
    const found = token.exec(text)
    if (found === null) {
      throw new ServesimError(
        'SERVESIM_BAD_OPTION',
        text,
        'This is no path of a scenario.',
        'Write one like pools[0].scheduler.maxNumSeqs.',
      )
    }
    keys.push(found[1] ?? Number(found[2]))
  }
  if (keys.length === 0)
    throw new ServesimError('SERVESIM_BAD_OPTION', '', 'The path is empty.', 'Write one like pools[0].scheduler.maxNumSeqs.')
  return keys
}

export function formatPath(keys: readonly PathKey[]): string {
  return keys.reduce<string>((path, key) => (typeof key === 'number' ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`), '')
}

/**
 * A copy of `target` with the value at the path replaced; what is not on the path is shared. Missing objects on the way are made,
 * and a list grows by one where the index is its length.
 * @throws ServesimError SERVESIM_BAD_OPTION where the path does not fit what is there
 */
export function withValueAt(target: unknown, keys: readonly PathKey[], value: unknown, depth = 0): unknown {
  const key = keys[depth]
  if (key === undefined) return value
  const bad = (message: string, hint: string) =>
    new ServesimError('SERVESIM_BAD_OPTION', formatPath(keys.slice(0, depth + 1)), message, hint)
  if (typeof key === 'number') {
    if (target !== undefined && !Array.isArray(target)) throw bad(`There is no list to take entry ${key} of.`, 'Leave the index out.')
    const list: unknown[] = target ?? []
    if (key > list.length) throw bad(`The list has ${list.length} entries; expected an index of at most ${list.length}.`, 'Count from 0.')
    const copy = list.slice()
    copy[key] = withValueAt(list[key], keys, value, depth + 1)
    return copy
  }
  if (Array.isArray(target)) throw bad(`A list has no member "${key}".`, `Name an entry, such as ${formatPath(keys.slice(0, depth))}[0].`)
  if (target !== undefined && !isObject(target)) throw bad(`There is no object to set "${key}" in.`, 'Set the whole value instead.')
  const own = target !== undefined && Object.hasOwn(target, key) ? target[key] : undefined
  return { ...target, [key]: withValueAt(own, keys, value, depth + 1) }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Splits at commas that stand in no bracket or quoted string. */
export function splitOutsideBrackets(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let quoted = false
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '"') quoted = !quoted
    else if (quoted) continue
    else if ('[{'.includes(c)) depth++
    else if (']}'.includes(c)) depth--
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  return [...parts, text.slice(start)].filter((part) => part.trim() !== '')
}
