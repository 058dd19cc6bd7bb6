import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type BenchCase, benchCases, missingData } from './cases.js'
import { dataFolder } from './data-folder.js'
import { type Measurement, measure } from './measure.js'

/** `npm run bench [-- --json] [-- --case <name>]`: each case in a process of its own, so that memory and warm-up are its own. */
async function main(args: string[]): Promise<void> {
  const json = args.includes('--json')
  const only = args.includes('--case') ? args[args.indexOf('--case') + 1] : undefined
  if (args.includes('--measure')) {
    const benchCase = caseNamed(only)
    process.stdout.write(JSON.stringify(measure(benchCase.name, benchCase.warmRuns, await benchCase.prepare(dataFolder()))))
    return
  }
  const measurements: Measurement[] = []
  for (const benchCase of only === undefined ? benchCases : [caseNamed(only)]) {
    const missing = missingData(benchCase, dataFolder())
    if (missing.length > 0) {
      process.stderr.write(`${benchCase.name}: skipped, ${missing.join(' and ')} is not below ${dataFolder()} (set SERVESIM_DATA)\n`)
      continue
    }
    process.stderr.write(`${benchCase.name}: ${benchCase.what} …\n`)
    const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--measure', '--case', benchCase.name], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    measurements.push(JSON.parse(output) as Measurement)
  }
  process.stdout.write(json ? `${JSON.stringify({ cases: measurements })}\n` : table(measurements))
}

function caseNamed(name: string | undefined): BenchCase {
  const found = benchCases.find((c) => c.name === name)
  if (found !== undefined) return found
  process.stderr.write(`There is no case "${name}"; expected ${benchCases.map((c) => c.name).join(', ')}.\n`)
  process.exit(2)
}

function table(measurements: Measurement[]): string {
  const rows = measurements.map((m) => [
    m.name,
    m.requests.toLocaleString('en'),
    m.steps.toLocaleString('en'),
    `${(100 * m.fastShare).toFixed(1)} %`,
    `${m.wallMs.toFixed(1)} ms`,
    `${m.coldMs.toFixed(1)} ms`,
    `${m.peakMiB.toFixed(0)} MiB`,
    `${m.bareLoopRatio.toFixed(2)} ×`,
  ])
  const head = ['case', 'requests', 'steps', 'fast steps', 'warm run', 'cold run', 'peak memory', 'to bare loop']
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)))
  const line = (cells: string[]) => cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  const notes = [
    'Warm run: median of 20 in one process, building included, reading files apart. Bare loop: the same event queue, one event popped for',
    'each step and arrival, nothing done. LLMServingSim reports 156.5 s (August 2026) and 9.6 s (since September) for the recorded',
    'Llama run, on its authors’ machine: another machine than this one.',
  ]
  return `${[head, ...rows].map(line).join('\n')}\n\n${notes.join('\n')}\n`
}

await main(process.argv.slice(2))
