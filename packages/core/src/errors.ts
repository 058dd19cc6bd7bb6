/** Every code a user can meet; `docs/errors.md` is generated from this table. */
export const errorCodes = {
  SERVESIM_BAD_OPTION: 'An option is missing, misspelt or out of range.',
  SERVESIM_UNKNOWN_NAME: 'A model, device, plugin or provider of that name is not installed.',
  SERVESIM_PLUGIN_CONFLICT: 'Two plugins claim something that only one may own.',
  SERVESIM_CONTRACT_MISMATCH: 'A plugin was built for another contract of an extension point.',
  SERVESIM_CAPABILITY_MISMATCH: 'A device cannot serve what the scenario asks of it.',
  SERVESIM_OUT_OF_MEMORY: 'Weights and working memory leave no room for a KV block.',
  SERVESIM_BAD_TRACE: 'A line of a workload file cannot be read.',
  SERVESIM_EMPTY_WORKLOAD: 'The workload holds no request.',
  SERVESIM_BAD_BUNDLE: 'An operator-latency bundle is incomplete or malformed.',
  SERVESIM_BAD_FILE: 'A file cannot be read, is cut off or is not what it should be.',
  SERVESIM_PROBE_FAILED: 'A probe crashed, hung, or answered what is no measurement.',
  SERVESIM_STALLED: 'The event queue ran dry while requests were unfinished.',
  SERVESIM_BROKEN_INVARIANT: 'A law of the engine was broken: a defect of servesim or of a plugin.',
} as const

export type ErrorCode = keyof typeof errorCodes

/** What went wrong, where, and what to do about it. Never printed by a library; the command line prints it without a stack. */
export class ServesimError extends Error {
  override readonly name = 'ServesimError'
  /** Marks the class across two installed copies of core, where `instanceof` fails. */
  readonly servesim = true
  constructor(
    readonly code: ErrorCode,
    /** Where: `pools[0].device`, `trace.jsonl:17`. */
    readonly path: string,
    message: string,
    readonly hint?: string,
  ) {
    super(message)
  }

  /** The four lines a person reads. */
  format(): string {
    const where = this.path === '' ? '' : ` at ${this.path}`
    return `${this.code}${where}\n${this.message}${this.hint === undefined ? '' : `\nHint: ${this.hint}`}`
  }
}

export function isServesimError(error: unknown): error is ServesimError {
  return typeof error === 'object' && error !== null && (error as { servesim?: unknown }).servesim === true
}

/** Up to three known names that a typing mistake away from `name`, nearest first. */
export function nearMatches(name: string, known: Iterable<string>): string[] {
  const wanted = name.toLowerCase()
  const scored: { known: string; distance: number }[] = []
  for (const candidate of known) {
    // An id such as org/model is often typed without its first part.
    const whole = candidate.toLowerCase()
    const distance = Math.min(...[whole, whole.slice(whole.lastIndexOf('/') + 1)].map((other) => distanceTo(wanted, other)))
    if (distance <= Math.max(2, Math.floor(wanted.length / 3))) scored.push({ known: candidate, distance })
  }
  scored.sort((a, b) => a.distance - b.distance || (a.known < b.known ? -1 : 1))
  return scored.slice(0, 3).map((s) => s.known)
}

function distanceTo(wanted: string, other: string): number {
  return other.includes(wanted) || wanted.includes(other) ? 1 : editDistance(wanted, other)
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(substitution, previous[j]! + 1, current[j - 1]! + 1))
    }
    previous = current
  }
  return previous[b.length]!
}
