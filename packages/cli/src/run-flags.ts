import { applyUse, assign, forEachPool, parseAssignments, parseUse, vllmFlags, withValueAt } from '@servesim/config'
import { type Registry, ServesimError } from '@servesim/core'
import { type Command, Option } from 'commander'
import { addTechniqueFlags, camelCase, withTechniqueFlags } from './technique-flags.js'
import { type WorkloadFlags, withWorkloadFlags } from './workload-flags.js'

/** Flags of `servesim run` as commander gives them; vLLM's own come under their camel-case names. */
export interface RunFlags extends WorkloadFlags {
  calibration?: string
  model?: string
  device?: string
  profile?: string[]
  tp?: string
  pp?: string
  replicas?: string
  seed?: string
  latencyFrom?: string
  json?: boolean
  output?: string
  strict?: boolean
  use?: string[]
  set?: string[]
  plugin?: string[]
}

/** Gathers the values of a flag that may be given several times. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value]

/** Declares the flags that describe what is simulated. */
export function addScenarioFlags(command: Command, builtIn: Registry): Command {
  command
    .optionsGroup('What is served, and on what:')
    .option('-m, --model <id|config.json>', 'Hugging Face id, or the path of a config.json')
    .option('-d, --device <name>', 'accelerator; with --profile the bundle names it')
    .option('-p, --profile <dir...>', 'operator latencies: a bundle, or a folder in a layout that an importer reads')
    .option('--tp <n>', 'tensor-parallel ranks of a replica')
    .option('--calibration <file>', 'what `servesim calibrate` fitted to a real server')
    .option('--pp <n>', 'pipeline stages of a replica')
    .option('--replicas <n>', 'replicas')
    .optionsGroup('Load:')
    .option('-w, --workload <file|generator>', 'trace file, or a generator such as poisson:promptTokens=512')
    .option('--rate <n>', 'requests per second; a trace is sped up or slowed down to it')
    .option('--requests <n>', 'requests in all; of a trace the first so many')
    .option('--seed <n>', 'seed of every random stream')
    .addOption(new Option('--latency-from <instant>', 'instant from which TTFT and latency count').choices(['arrival', 'queued']))
    .optionsGroup('Anything else:')
    .option('--use <plugin[:key=value,…]>', 'switch a plugin on: router, technique, scheduler, network, workload (repeatable)', collect)
    .option(
      '--set <path=value>',
      'set anything, such as pools[0].scheduler.release=0.28, or what if: device.hbmBandwidth=2x (repeatable)',
      collect,
    )
    .option('--plugin <file|package>', 'load a plugin (repeatable)', collect)

  addTechniqueFlags(command, builtIn)
  command.optionsGroup('Flags of vLLM, under their own names:')
  for (const { name, kind, description } of vllmFlags) {
    if (kind === 'value') command.option(`--${name} <value>`, description)
    else command.option(`--${name}`, description)
    if (kind === 'switch') command.option(`--no-${name}`, `do not ${description}`)
  }
  return command
}

/** Changes a scenario as the flags say: plugins first, then servesim's flags, vLLM's, and last what `--set` says. */
export function withFlags(scenario: unknown, flags: RunFlags, registry: Registry, cwd: string): unknown {
  let changed = scenario
  for (const use of flags.use ?? []) changed = applyUse(changed, parseUse(use), registry)
  changed = withWorkloadFlags(withPoolFlags(changed, flags), flags, cwd, registry)
  if (flags.seed !== undefined) changed = assign(changed, { keys: ['seed'], text: flags.seed }, registry)
  if (flags.latencyFrom !== undefined) changed = withValueAt(changed, ['latencyFrom'], flags.latencyFrom)
  const given = flags as Readonly<Record<string, unknown>>
  changed = withTechniqueFlags(changed, given, registry)
  for (const flag of vllmFlags) {
    const value = given[camelCase(flag.name)]
    if (typeof value === 'string' || typeof value === 'boolean') changed = flag.apply(changed, value, registry)
  }
  for (const text of flags.set ?? []) for (const assignment of parseAssignments(text)) changed = assign(changed, assignment, registry)
  return changed
}

function withPoolFlags(scenario: unknown, flags: RunFlags): unknown {
  const { model, device, tp, pp, replicas } = flags
  const parallelism = {
    ...(tp !== undefined && { tensor: wholeNumber(tp, '--tp') }),
    ...(pp !== undefined && { pipeline: wholeNumber(pp, '--pp') }),
  }
  const pools = (scenario as { pools?: unknown[] }).pools
  if (replicas !== undefined && pools?.length !== 1) {
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      '--replicas',
      `The scenario has ${pools?.length ?? 0} pools, and --replicas does not say which.`,
      'Use --set pools[0].count=2.',
    )
  }
  return forEachPool(scenario, (pool) => ({
    ...pool,
    ...(model !== undefined && { model }),
    ...(device !== undefined && { device }),
    ...(Object.keys(parallelism).length > 0 && { parallelism: { ...(pool.parallelism as object | undefined), ...parallelism } }),
    ...(replicas !== undefined && { count: wholeNumber(replicas, '--replicas') }),
  }))
}

/** @throws ServesimError SERVESIM_BAD_OPTION */
export function wholeNumber(text: string, flag: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 1) return value
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    flag,
    `"${text}" is no whole number of 1 or more.`,
    'Correct the value or leave the flag out.',
  )
}
