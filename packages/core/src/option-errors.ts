import type { z } from 'zod'
import { nearMatches, ServesimError } from './errors.js'

/** Parses with a schema. @throws ServesimError SERVESIM_BAD_OPTION at the first thing that is wrong: where, what, what was expected */
export function parseWith<Schema extends z.ZodType>(schema: Schema, input: unknown, path: string): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  const where = joinPath(path, issue.path)
  if (issue.code === 'unrecognized_keys') throw unknownKey(issue.keys[0]!, where, keysAt(schema, issue.path))
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    where,
    `Found ${show(valueAt(input, issue.path))}; expected ${expectation(issue)}.`,
    'Correct the value or leave the option out.',
  )
}

function unknownKey(key: string, where: string, known: readonly string[]): ServesimError {
  const near = nearMatches(key, known)
  return new ServesimError(
    'SERVESIM_BAD_OPTION',
    joinPath(where, [key]),
    `There is no option "${key}" here; known: ${known.length === 0 ? 'none' : known.join(', ')}.`,
    near.length > 0 ? `Did you mean ${near.map((n) => `"${n}"`).join(' or ')}?` : 'Leave it out.',
  )
}

/** What an issue of zod's asks for, as the end of a sentence. */
function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${/^[aeiou]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(' or ')
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unit(issue.origin)}`
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unit(issue.origin)}`
    case 'invalid_union': {
      const branches = issue.errors.flatMap((branch) => (branch.length === 0 ? [] : [expectation(branch[0]!)]))
      return branches.length === 0 ? 'another form' : [...new Set(branches)].join(', or ')
    }
    default:
      return issue.message.replace(/^(Invalid input: )?expected /i, '')
  }
}

function unit(origin: string): string {
  return origin === 'string' ? ' characters' : origin === 'array' ? ' entries' : ''
}

function joinPath(base: string, keys: readonly PropertyKey[]): string {
  const join = (path: string, key: PropertyKey) =>
    typeof key === 'number' ? `${path}[${key}]` : path === '' ? String(key) : `${path}.${String(key)}`
  return keys.reduce<string>(join, base)
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema
  for (const key of path) {
    at = typeof key === 'number' ? unwrap(at, 'element') : (unwrap(at, 'shape') as Record<PropertyKey, unknown> | undefined)?.[key]
  }
  return Object.keys((unwrap(at, 'shape') as object | undefined) ?? {})
}

/** The property of a schema, looked for behind defaults and optionals. */
function unwrap(schema: unknown, property: 'shape' | 'element'): unknown {
  let at = schema as { [key: string]: unknown; def?: { innerType?: unknown } } | undefined
  while (at !== undefined && at[property] === undefined) at = at.def?.innerType as typeof at
  return at?.[property]
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], input)
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
