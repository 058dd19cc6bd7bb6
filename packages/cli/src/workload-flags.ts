import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { assign, choicePoints, findProvider, parseUse, withValueAt } from '@servesim/config'
import { nearMatches, type Registry, ServesimError } from '@servesim/core'

export interface WorkloadFlags {
  workload?: string
  rate?: string
  requests?: string
}

/** Applies `--workload`, `--rate` and `--requests`, which mean the same for generators and for traces. */
export function withWorkloadFlags(scenario: unknown, flags: WorkloadFlags, cwd: string, registry: Registry): unknown {
  let changed = scenario
  if (flags.workload !== undefined) changed = withValueAt(changed, ['workload'], workloadOf(flags.workload, cwd, registry))
  const use = (changed as { workload?: { use?: unknown } }).workload?.use
  const isTrace = use === 'trace'
  if (flags.rate !== undefined) {
    if (!isTrace && !hasOption(String(use), 'ratePerSecond', registry)) {
      throw new ServesimError(
        'SERVESIM_BAD_OPTION',
        '--rate',
        `The workload "${String(use)}" has no rate of its own.`,
        'Leave --rate out, or choose a workload such as poisson.',
      )
    }
    changed = assign(changed, { keys: ['workload', 'ratePerSecond'], text: flags.rate }, registry)
  }
  if (flags.requests !== undefined)
    changed = assign(changed, { keys: ['workload', isTrace ? 'limit' : 'requestCount'], text: flags.requests }, registry)
  return changed
}

/** A file where there is one, else a generator with options. */
function workloadOf(text: string, cwd: string, registry: Registry): Record<string, unknown> {
  const path = resolve(cwd, text)
  if (existsSync(path) && statSync(path).isFile()) return { use: 'trace', file: path }
  const use = parseUse(text)
  if (findProvider(registry, choicePoints.workload!, use.name) !== undefined && use.name !== 'trace') {
    const named: unknown = { workload: { use: use.name } }
    const { workload } = use.options.reduce<unknown>(
      (scenario, { key, text: value }) => assign(scenario, { keys: ['workload', ...key.split('.')], text: value }, registry),
      named,
    ) as { workload: Record<string, unknown> }
    return workload
  }
  const generators = registry
    .all(choicePoints.workload!)
    .map((entry) => entry.provided.name)
    .filter((name) => name !== 'trace')
  const near = nearMatches(use.name, generators)
  throw new ServesimError(
    existsSync(path) ? 'SERVESIM_BAD_FILE' : 'SERVESIM_UNKNOWN_NAME',
    '--workload',
    existsSync(path) ? `"${text}" is a folder; expected a trace file.` : `There is no file and no generator "${text}".`,
    near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `Generators: ${generators.sort().join(', ')}.`,
  )
}

function hasOption(name: string, option: string, registry: Registry): boolean {
  return Object.hasOwn(findProvider(registry, choicePoints.workload!, name)?.options.shape ?? {}, option)
}
