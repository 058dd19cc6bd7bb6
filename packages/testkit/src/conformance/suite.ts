import assert from 'node:assert/strict'

/** One law of a kind of plugin. */
export interface Check {
  /** A sentence that says what holds. */
  name: string
  /** @throws Error where it does not hold, with a sentence that says what was found */
  run(): void
}

/** The laws of one provider, for any test runner: `describe…` hands them to Vitest or to `node:test`. */
export interface Suite {
  /** Kind and name of the provider. */
  title: string
  checks: Check[]
}

/** Options of the providers under test where their defaults are not enough: for all, or by the provider's name. */
export type SuiteOptions = Record<string, unknown> | ((provider: string) => Record<string, unknown>)

export function optionsFor(options: SuiteOptions, provider: string): Record<string, unknown> {
  return typeof options === 'function' ? options(provider) : options
}

/** @throws AssertionError with that sentence */
export function holds(condition: boolean, otherwise: string): asserts condition {
  assert.ok(condition, otherwise)
}

/** Compares two values of plain data and names the first place where they differ. @throws AssertionError */
export function same(one: unknown, other: unknown, what: string, names: readonly [string, string]): void {
  const at = firstDifference(one, other, '')
  if (at === undefined) return
  assert.fail(`${what} differs${at.path === '' ? '' : ` at ${at.path}`}: ${show(at.one)} ${names[0]}, ${show(at.other)} ${names[1]}.`)
}

interface Difference {
  path: string
  one: unknown
  other: unknown
}

function firstDifference(one: unknown, other: unknown, path: string): Difference | undefined {
  if (Object.is(one, other)) return undefined
  const isBranch = (value: unknown) => typeof value === 'object' && value !== null
  if (!isBranch(one) || !isBranch(other)) return { path, one, other }
  const keys = new Set([...Object.keys(one as object), ...Object.keys(other as object)])
  for (const key of keys) {
    const place = Array.isArray(one) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
    const inner = firstDifference((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key], place)
    if (inner !== undefined) return inner
  }
  return undefined
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value))
}
