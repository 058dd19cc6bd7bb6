import type { TraceInput } from '../trace-reader.js'

/** Columns of token counts are 32 bit. */
const MAX_TOKENS = 2 ** 31 - 1

/** @returns the value, an integer 1 … 2³¹ − 1 */
export function tokenCount(value: unknown, field: string, input: TraceInput): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_TOKENS) return value
  if (value === 0)
    throw input.error(`${field} is 0; expected at least 1 token.`, 'A request without prompt or output is no work: drop the line.')
  throw input.error(`${field} is ${shown(value)}; expected an integer number of tokens, 1 or more.`)
}

/** @returns the value, an integer ≥ 0 that a float64 holds exactly */
export function wholeNs(value: unknown, field: string, input: TraceInput): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw input.error(`${field} is ${shown(value)}; expected an integer number of ns, 0 or more.`, originHint(value, 1))
}

/**
 * @param nsPerUnit such as 1e6 for ms
 * @returns ns, rounded to an integer ≥ 0
 */
export function scaledNs(value: unknown, nsPerUnit: number, unit: string, field: string, input: TraceInput): number {
  const ns = typeof value === 'number' ? Math.round(value * nsPerUnit) : Number.NaN
  if (Number.isSafeInteger(ns) && ns >= 0) return ns
  throw input.error(`${field} is ${shown(value)}; expected a number of ${unit}, 0 or more.`, originHint(value, nsPerUnit))
}

/** Above 2⁵³ ns, 104 days, integers are no longer exact; who meets that has usually recorded the time of day. */
function originHint(value: unknown, nsPerUnit: number): string | undefined {
  return typeof value === 'number' && value * nsPerUnit > Number.MAX_SAFE_INTEGER
    ? 'Times count from the start of the trace: subtract the first arrival.'
    : undefined
}

/** A line of JSON Lines. */
export function jsonObject(line: string, input: TraceInput): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw input.error(`The line is not valid JSON: ${shortened(line)}`, 'Each line holds one whole object.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw input.error(`The line is ${shown(value)}; expected a JSON object.`)
  return value as Record<string, unknown>
}

/** A value as a message shows it: absent, or JSON cut to a readable length. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing'
  if (typeof value === 'number') return String(value)
  return shortened(JSON.stringify(value))
}

/** At most 80 characters. */
export function shortened(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}
