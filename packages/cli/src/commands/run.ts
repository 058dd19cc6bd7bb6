import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createSimulation, Registry, type Simulation, type SimulationResult } from '@servesim/core'
import { count, requestsCsv, runDocument, runFacts, runText } from '@servesim/report'
import type { Command } from 'commander'
import { type ExitCode, exitCode } from '../exit-code.js'
import { builtIn, prepareRun } from '../prepare-run.js'
import { runWithProgress } from '../progress.js'
import { addScenarioFlags, type RunFlags } from '../run-flags.js'
import type { Terminal } from '../terminal.js'
import { makeFolder, writeFileAtOnce } from '../write-files.js'

const examples = `
Examples:
  servesim run                                        the built-in scenario
  servesim run --rate 12 --model Qwen3-8B             other load, other model
  servesim run --profile ./perf/RTXPRO6000            on measured operator latencies
  servesim run servesim.yaml --set pools[0].count=4   a scenario file, four replicas
`

export function addRunCommand(program: Command, terminal: Terminal, done: (code: ExitCode) => void): void {
  const command = program
    .command('run')
    .summary('simulate a workload')
    .description('Simulates a workload and prints what a user of the service would see.')
    .argument('[config]', 'scenario: .ts, .mjs, .yaml or .json; default: servesim.config.ts, servesim.yaml … of this folder, if any')
    .optionsGroup('Output:')
    .option('--json', 'print one JSON document; files only with -o')
    .option('-o, --output <dir>', 'folder for summary.json, summary.txt, requests.csv and scenario.json (default: servesim-results/<name>)')
    .option('--strict', 'exit with 2 where a request was refused')
  addScenarioFlags(command, new Registry(builtIn))
    .addHelpText('after', examples)
    .action(async (config: string | undefined, flags: RunFlags) => done(await run(config, flags, terminal)))
}

async function run(config: string | undefined, flags: RunFlags, terminal: Terminal): Promise<ExitCode> {
  const { name, scenario, input } = await prepareRun(...withPositional(config, flags, terminal.cwd), terminal.cwd)
  const output = flags.output ?? (flags.json ? undefined : join('servesim-results', name.replaceAll(/[^\w.-]+/g, '-')))
  // Before the simulation, so that a long run is not lost to a folder that cannot be written.
  if (output !== undefined) makeFolder(resolve(terminal.cwd, output), output)
  const startMs = performance.now()
  const simulation = createSimulation(input)
  runWithProgress(simulation, terminal)
  const result = simulation.result()
  const wallMs = performance.now() - startMs
  const facts = runFacts(simulation)
  if (flags.json) terminal.print(`${JSON.stringify(runDocument(result, facts, wallMs), null, 2)}\n`)
  else terminal.print(runText(result, facts, { wallMs }))
  if (output !== undefined) {
    writeResults(resolve(terminal.cwd, output), simulation, result, scenario)
    if (!flags.json) terminal.print(`Results in ${output}\n`)
  }
  return codeOf(result, flags.strict === true, terminal)
}

/** `--profile a b config.yaml`: a flag that takes several folders also takes the file behind them. */
function withPositional(config: string | undefined, flags: RunFlags, cwd: string): [string | undefined, RunFlags] {
  const last = flags.profile?.at(-1)
  if (config !== undefined || last === undefined || flags.profile!.length === 1 || !isFile(resolve(cwd, last))) return [config, flags]
  return [last, { ...flags, profile: flags.profile!.slice(0, -1) }]
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

/** Equal runs write equal bytes: how long the simulation took is not among them. */
function writeResults(folder: string, simulation: Simulation, result: SimulationResult, scenario: Record<string, unknown>): void {
  const facts = runFacts(simulation)
  writeFileAtOnce(join(folder, 'scenario.json'), [`${JSON.stringify(scenario, null, 2)}\n`])
  writeFileAtOnce(join(folder, 'requests.csv'), requestsCsv(simulation.results.requests))
  writeFileAtOnce(join(folder, 'summary.txt'), [runText(result, facts)])
  writeFileAtOnce(join(folder, 'summary.json'), [`${JSON.stringify(runDocument(result, facts), null, 2)}\n`])
}

function codeOf({ requests }: SimulationResult, strict: boolean, terminal: Terminal): ExitCode {
  if (requests.refused === 0 || (!strict && requests.finished > 0)) return exitCode.done
  terminal.note(`${count(requests.refused)} of ${count(requests.arrived)} requests were refused${strict ? ' (--strict)' : ''}.\n`)
  return exitCode.badInput
}
