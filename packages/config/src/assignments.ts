import { figureName, type Registry, ServesimError } from '@servesim/core'
import { choicePoints, findProvider, schemaAt } from './choices.js'
import { type PathKey, parsePath, splitOutsideBrackets, withValueAt } from './path.js'

/** Sets one value of a scenario; `keys` and `text` as a person wrote them. */
export interface Assignment {
  keys: PathKey[]
  text: string
}

/** `path=value`. @throws ServesimError SERVESIM_BAD_OPTION */
export function parseAssignment(text: string): Assignment {
  const at = text.indexOf('=')
  if (at < 1) {
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      text,
      'A setting has the form path=value.',
      'Write, for example, pools[0].scheduler.maxNumSeqs=128.',
    )
  }
  return { keys: parsePath(text.slice(0, at).trim()), text: text.slice(at + 1).trim() }
}

/**
 * Several in one text, `a=1,b=2`: a comma ends one where the next path and its `=` follow.
 * @throws ServesimError SERVESIM_BAD_OPTION
 */
export function parseAssignments(text: string): Assignment[] {
  const settings: string[] = []
  for (const part of splitOutsideBrackets(text)) {
    if (settings.length === 0 || /^\s*[A-Za-z_$][\w$.[\]-]*\s*=/.test(part)) settings.push(part)
    else settings[settings.length - 1] += `,${part}`
  }
  return (settings.length === 0 ? [text] : settings).map(parseAssignment)
}

/**
 * A copy of the scenario with the value set; it is read as the option at that place wants it. `device.…` is the device of every pool: a
 * figure of its chip, in any of its names, or an option.
 */
export function assign(scenario: unknown, assignment: Assignment, registry: Registry): unknown {
  const [first, second, ...rest] = assignment.keys
  if (first !== 'device' || typeof second !== 'string') return assignOne(scenario, assignment, registry)
  const pools = (scenario as { pools?: unknown }).pools
  let changed = scenario
  for (const [i] of (Array.isArray(pools) ? pools : []).entries()) {
    const keys: PathKey[] = ['pools', i, 'device', second, ...rest]
    if (second === 'use' || second === 'figures' || isOption(keys, widenDevice(changed, keys), registry))
      changed = assignOne(changed, { keys, text: assignment.text }, registry)
    else {
      const figure: PathKey[] = ['pools', i, 'device', 'figures', figureName(second, 'device')]
      changed = withValueAt(widenDevice(changed, figure), figure, readValue(assignment.text))
    }
  }
  return changed
}

/** Whether a member of a device is one of its options; of a device that no plugin provides (a folder), whatever is no figure. */
function isOption(keys: readonly PathKey[], scenario: unknown, registry: Registry): boolean {
  if (schemaAt(keys, scenario, registry) !== undefined) return true
  const { use } = (keys.slice(0, 3) as PathKey[]).reduce<unknown>((value, key) => (value as Record<PathKey, unknown>)[key], scenario) as {
    use: string
  }
  return findProvider(registry, choicePoints.device!, use) === undefined && !isFigure(String(keys[3]))
}

function isFigure(name: string): boolean {
  try {
    figureName(name, '')
    return true
  } catch {
    return false
  }
}

function assignOne(scenario: unknown, { keys, text }: Assignment, registry: Registry): unknown {
  // Options of a device that is named by a plain string need a place to stand.
  const widened = widenDevice(scenario, keys)
  return withValueAt(widened, keys, readValue(text, schemaAt(keys, widened, registry)))
}

/**
 * Text from the command line as a value: JSON where it is JSON, else a string. Where only one of the two readings fits the schema it
 * is that one, so that a release `0.28` stays text and a count stays a number.
 */
export function readValue(text: string, schema?: { safeParse(value: unknown): { success: boolean } }): unknown {
  const value = parseJson(text)
  if (schema === undefined || value === text) return value
  return !schema.safeParse(value).success && schema.safeParse(text).success ? text : value
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function widenDevice(scenario: unknown, keys: readonly PathKey[]): unknown {
  const at = keys.indexOf('device')
  if (at < 0 || at === keys.length - 1) return scenario
  const path = keys.slice(0, at + 1)
  const device = path.reduce<unknown>((value, key) => (value as Record<PathKey, unknown> | null | undefined)?.[key], scenario)
  return typeof device === 'string' ? withValueAt(scenario, path, { use: device }) : scenario
}
