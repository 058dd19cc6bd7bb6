import { metricDefinitions, metricNames, type SimulationResult, statNames } from '@servesim/core'
import { count, number, percent, plural, seconds } from './numbers.js'
import { shares } from './run-document.js'
import { assumptionsOf, type PoolFacts, type RunFacts } from './run-facts.js'
import { beside, type Column, pad, table, wrap } from './table.js'
import { uncertaintyBands } from './uncertainty.js'

const width = 98
const barWidth = 16
const metricTitles = { ttft: 'TTFT', tpot: 'TPOT', itl: 'ITL', latency: 'Latency' } as const
const statTitles = { mean: 'mean', median: 'P50', p90: 'P90', p95: 'P95', p99: 'P99' } as const
const listedRefusals = 10

export interface RunTextOptions {
  /** How long the simulation took, ms. */
  wallMs?: number
}

/** What a person reads after a run: at most 100 columns, no colour. */
export function runText(result: SimulationResult, facts: RunFacts, { wallMs }: RunTextOptions = {}): string {
  const sections = [
    head(result, facts),
    latencies(result, facts),
    throughput(result),
    timeShares(result),
    provenance(result),
    refusals(result),
    unserved(result),
    assumptions(assumptionsOf(result, facts)),
    steps(result, wallMs),
  ]
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

function head(result: SimulationResult, facts: RunFacts): string[] {
  const { requests } = result
  const { arrived, ...ends } = requests
  const underWay = arrived - Object.values(ends).reduce((a, b) => a + b, 0)
  const outcome = Object.entries({ ...ends, 'under way': underWay })
    .filter(([end, number]) => number > 0 || end === 'finished')
    .map(([end, number]) => `${count(number)} ${end}`)
  return [
    ...facts.pools.flatMap((pool) => poolLines(pool)),
    `Workload: ${facts.workload}, ${plural(requests.arrived, 'request')}: ${outcome.join(', ')}; seed ${facts.seed}`,
  ]
}

function poolLines(pool: PoolFacts): string[] {
  const tensor = pool.tensorParallel > 1 ? `, tensor parallel ${pool.tensorParallel}` : ''
  const stages = pool.stageLayers.length
  const device = stages > 1 ? `Memory of a device of stage ${pool.memory.stage + 1}, the tightest` : 'Memory of a device'
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`
  const { memory } = pool
  return [
    `${pool.role === null ? '' : `${pool.role}: `}${pool.model} on ${pool.replicas} × ${pool.device}${tensor}, scheduled like ${pool.scheduler} ${pool.release}`,
    ...(stages > 1 ? wrap(`Pipeline of ${stages} stages with ${pool.stageLayers.join(', ')} layers`, width, '  ') : []),
    ...wrap(`Techniques: ${pool.techniques.length === 0 ? 'none' : pool.techniques.join(', ')}`, width, '  '),
    `${device}: ${gib(memory.usable)} usable = weights ${gib(memory.weights)} + temporaries ${gib(memory.activations)} + context ${gib(memory.context)}`,
    `  ${memory.kvWhere === undefined ? '+' : 'and'} KV cache ${gib(memory.kv)}${memory.kvWhere === undefined ? '' : ` on ${memory.kvWhere}`} (${count(pool.kvBlocks)} blocks of ${pool.blockSizeTokens} tokens)`,
  ]
}

function latencies(result: SimulationResult, facts: RunFacts): string[] {
  const columns: Column[] = [
    { title: 'Milliseconds', align: 'left' },
    ...statNames.map((stat) => ({ title: pad(statTitles[stat], 10, 'right'), align: 'right' as const })),
  ]
  const value = new Map(result.metrics.map((m) => [`${m.metric} ${m.stat}`, m.value]))
  const rows = metricNames.map((metric) => [
    metricTitles[metric],
    ...statNames.map((stat) => number(value.get(`${metric} ${stat}`) ?? Number.NaN)),
  ])
  const from = facts.latencyFrom === 'arrival' ? 'arrival' : 'the instant the engine queued the request'
  const definitions = metricNames.flatMap((metric) => {
    const definition = metricDefinitions[metric].replace('arrival (or the instant the engine queued the request)', from)
    return wrap(`${pad(metricTitles[metric], 8, 'left')} ${definition}`, width - 2, ' '.repeat(9)).map((line) => `  ${line}`)
  })
  const sketch = result.sketched ? ['  Percentiles of TTFT, TPOT and latency come from a sketch and are within ±0.05 %.'] : []
  return [...table(columns, rows), '', ...definitions, ...sketch]
}

function throughput(result: SimulationResult): string[] {
  const { throughput: rates, kv, counters } = result
  const cached = result.promptTokens > 0 ? result.cachedTokens / result.promptTokens : 0
  return [
    `Throughput  ${number(rates.requestsPerSecond)} requests/s · ${number(rates.promptTokensPerSecond)} prompt tokens/s · ` +
      `${number(rates.outputTokensPerSecond)} output tokens/s, over ${seconds(rates.durationS)}`,
    `Tokens      ${count(result.promptTokens)} prompt (${percent(cached)} from the prefix cache), ${count(result.outputTokens)} output`,
    `KV cache    peak ${percent(kv.peakShare)}, mean ${percent(kv.meanShare)} of ${count(kv.totalBlocks)} blocks; ${plural(result.preemptions, 'preemption')}`,
    ...transferred(result),
    ...counted(counters),
  ]
}

/** Bytes between ranks and hosts; nothing where there were none. */
function transferred({ transfers }: SimulationResult): string[] {
  if (transfers.count === 0) return []
  const gigabytes = (bytes: number) => `${number(bytes / 1e9)} GB`
  const links = transfers.links.map(
    ({ name, bytes, busiestShare }) => `${name} ${gigabytes(bytes)} (busiest link ${percent(busiestShare)})`,
  )
  const sent = `Transfers   ${count(transfers.count)} of ${gigabytes(transfers.bytes)}, at most ${count(transfers.peakActive)} at once`
  return wrap(links.length === 0 ? sent : `${sent}; over links ${links.join(', ')}`, width, ' '.repeat(12))
}

/** Totals of techniques. */
function counted(counters: SimulationResult['counters']): string[] {
  const totals = Object.entries(counters).map(([name, total]) => `${name} ${Number.isInteger(total) ? count(total) : number(total)}`)
  return totals.length === 0 ? [] : wrap(`Counted     ${totals.join(', ')}`, width, ' '.repeat(12))
}

function timeShares(result: SimulationResult): string[] {
  const busyS = Object.values(result.timeByClass).reduce((a, b) => a + b, 0)
  if (busyS === 0) return []
  const idle = result.idleS / (busyS + result.idleS)
  return [
    `Where the time goes: ${seconds(busyS)} of steps, ${percent(idle)} idle`,
    ...beside(bars('  by operator class', result.timeByClass), bars('by resource', result.timeByResource), 52),
  ]
}

/** Shares as words, numbers and bars, largest first; what took no time is left out. */
function bars(title: string, parts: Record<string, number>): string[] {
  const indent = ' '.repeat(title.length - title.trimStart().length)
  const present = Object.entries(shares(parts))
    .filter(([, share]) => share > 0)
    .sort(([, a], [, b]) => b - a)
  return [
    title,
    ...present.map(
      ([name, share]) =>
        `${indent}${pad(name, 16, 'left')} ${pad(percent(share), 7, 'right')}  ${'▇'.repeat(Math.round(share * barWidth))}`,
    ),
  ]
}

function provenance(result: SimulationResult): string[] {
  const present = Object.entries(shares(result.timeByProvenance)).filter(([, share]) => share > 0)
  if (present.length === 0) return []
  return [
    `What it rests on: ${present.map(([name, share]) => `${name} ${percent(share)}`).join(', ')} of the device time`,
    ...uncertainty(result),
  ]
}

/** What that says about the means above. */
function uncertainty(result: SimulationResult): string[] {
  const { relative, unknownShare, ttftMs, tpotMs, requestsPerSecond } = uncertaintyBands(result)
  const unknown = unknownShare > 0 ? `; the error of ${percent(unknownShare)} of it is unknown` : ''
  if (relative === 0) return unknownShare === 0 ? [] : [`How far it may be off${unknown.replace(';', ':')}`]
  const band = (name: string, range: readonly [number, number] | null, unit: string) =>
    range === null ? [] : [`${name} ${number(range[0])}–${number(range[1])} ${unit}`]
  const bands = [...band('mean TTFT', ttftMs, 'ms'), ...band('mean TPOT', tpotMs, 'ms'), ...band('', requestsPerSecond, 'requests/s')]
  return wrap(
    `How far it may be off: ±${percent(relative)} of the device time${unknown}. ${bands.map((b) => b.trim()).join(', ')}`,
    width,
    '  ',
  )
}

function refusals(result: SimulationResult): string[] {
  const { refused } = result.requests
  if (refused === 0) return []
  const listed = result.refusals
    .slice(0, listedRefusals)
    .flatMap(({ arrivalIndex, promptTokens, outputTokens, reason }) =>
      wrap(`- request ${arrivalIndex} (${count(promptTokens)} prompt, ${count(outputTokens)} output tokens): ${reason}`, width, '  ').map(
        (line) => `  ${line}`,
      ),
    )
  const more = refused > listedRefusals ? [`  … and ${count(refused - listedRefusals)} more`] : []
  return [`Refused, and left out of the latencies: ${plural(refused, 'request')}`, ...listed, ...more]
}

/** Requests that were let in and not served to their end. */
function unserved({ requests, unserved: listed }: SimulationResult): string[] {
  const total = requests.aborted + requests.lost
  if (total === 0) return []
  const lines = listed.slice(0, listedRefusals).map(({ kind, arrivalIndex, timeNs, outputTokens }) => {
    const what = kind === 'aborted' ? 'its client went away' : 'its replica died'
    return `  - request ${arrivalIndex}: ${what} after ${seconds(timeNs / 1e9)}, when it had ${plural(outputTokens, 'output token')}`
  })
  const more = total > listedRefusals ? [`  … and ${count(total - listedRefusals)} more`] : []
  return [`Let in but not served to the end, and left out of the latencies: ${plural(total, 'request')}`, ...lines, ...more]
}

function assumptions(sentences: readonly string[]): string[] {
  if (sentences.length === 0) return []
  return ['Assumptions', ...sentences.flatMap((sentence) => wrap(`- ${sentence}`, width - 2, '  ').map((line) => `  ${line}`))]
}

function steps(result: SimulationResult, wallMs: number | undefined): string[] {
  const taken = wallMs === undefined ? '' : `; simulated in ${seconds(wallMs / 1000)}`
  const { total, fastShare, plain, ruledOut } = result.steps
  const reasons = Object.entries(plain)
    .filter(([, share]) => share >= 0.005)
    .sort((a, b) => b[1] - a[1])
    .map(([reason, share]) => `${plainReason[reason as keyof typeof plain]} (${percent(share)})`)
  const others = ruledOut.flatMap(({ pool, by }) => wrap(`No stretches in ${pool}, on account of ${by.join(' and ')}.`, width))
  const why = reasons.length > 0 ? wrap(`The other steps were taken one by one: ${reasons.join(', ')}.`, width) : []
  return [`${plural(total, 'step')}, ${percent(fastShare)} of them in stretches${taken}`, ...why, ...others]
}

/** Why steps were not taken in a stretch. */
const plainReason: Record<keyof SimulationResult['steps']['plain'], string> = {
  prefill: 'prefill or a changed batch',
  scheduler: 'the scheduler might decide anew',
  finish: 'a request about to finish',
  blocks: 'KV blocks short',
  host: 'the host slower than the device',
}
