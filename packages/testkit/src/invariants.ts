import { type BuildOptions, createSimulation, type Simulation, type SimulationInput } from '@servesim/core'

/** Thrown where a law of the engine does not hold. */
export class LawBroken extends Error {
  override readonly name = 'LawBroken'
}

/** Runs a scenario event by event and checks the engine's laws after each, and all that must hold at the end. @throws LawBroken */
export function runChecked(input: SimulationInput, options: BuildOptions = {}): Simulation {
  const simulation = createSimulation(input, options)
  let before = simulation.now
  while (!simulation.advance({ maxEvents: 1 })) {
    law(simulation.now >= before, simulation, `time went back from ${before} ns`)
    before = simulation.now
    checkInvariants(simulation)
  }
  checkEnd(simulation)
  return simulation
}

/** Laws that hold between any two events. @throws LawBroken */
export function checkInvariants(simulation: Simulation): void {
  const { arrived, finished, refused, aborted, lost, atDoor, inFlight, away, subrequests, replicas } = simulation.snapshot()
  const found = replicas.reduce((sum, r) => sum + r.waiting + r.running, atDoor + away) - subrequests
  law(
    arrived === finished + refused + aborted + lost + inFlight && inFlight === found,
    simulation,
    `${arrived} arrived, ${finished} finished, ${refused} refused, ${aborted} aborted, ${lost} lost, ${inFlight} are in flight, ${found} were found`,
  )
  for (const unit of simulation.units) checkUnit(simulation, unit)
}

type Unit = Simulation['units'][number]

function checkUnit(simulation: Simulation, unit: Unit): void {
  const { kv, running, shared } = unit
  const { requests } = shared
  const at = `replica ${unit.index}`
  law(running.length <= shared.maxSequences, simulation, `${at} runs ${running.length} of at most ${shared.maxSequences} requests`)
  law(kv.free >= 0 && kv.free <= kv.total && kv.free + kv.used === kv.total, simulation, `${at} has ${kv.free} free blocks of ${kv.total}`)
  law(
    kv.index === undefined || kv.index.freeBlocks === kv.free,
    simulation,
    `${at} counts ${kv.free} free blocks, its index ${kv.index?.freeBlocks}`,
  )
  let held = 0
  // Of drafts and their drafter.
  const slack = shared.speculation?.slackTokens ?? 0
  const drafts = shared.speculation?.decode.maxDrafts ?? 0
  for (let i = 0; i < running.length; i++) {
    const r = running.at(i)
    held += requests.blocks[r]!
    const computed = requests.computedTokens[r]!
    const name = `request ${requests.arrivalIndex[r]} on ${at}`
    law(requests.replica[r] === unit.index, simulation, `${name} belongs to replica ${requests.replica[r]}`)
    law(
      requests.blocks[r]! >= kv.blocksFor(computed) && requests.blocks[r]! <= kv.blocksFor(computed + slack),
      simulation,
      `${name} holds ${requests.blocks[r]} blocks for ${computed} tokens`,
    )
    law(requests.outputTokens[r]! < requests.stopTokens[r]!, simulation, `${name} runs on with ${requests.outputTokens[r]} output tokens`)
    const placeholders = requests.placeholderTokens[r]!
    law(placeholders >= 0 && placeholders <= shared.depth * (1 + drafts), simulation, `${name} waits for ${placeholders} tokens in flight`)
    const known = requests.promptTokens[r]! + requests.outputTokens[r]! + placeholders
    law(computed >= 1 && computed <= known + drafts, simulation, `${name} has computed ${computed} of ${known} tokens`)
  }
  for (const r of unit.tiers?.holders() ?? []) held += requests.blocks[r]!
  // Shared blocks are held more than once.
  law(
    kv.index === undefined ? held === kv.used : held >= kv.used,
    simulation,
    `requests on ${at} hold ${held} blocks, ${kv.used} are in use`,
  )
}

/** What must hold once all is done. @throws LawBroken */
export function checkEnd(simulation: Simulation): void {
  checkInvariants(simulation)
  const { results } = simulation
  law(
    results.arrived === results.finished + results.refusedCount + results.unservedCounts.aborted + results.unservedCounts.lost,
    simulation,
    `${results.arrived} arrived, ${results.finished} finished, ${results.refusedCount} refused, ${JSON.stringify(results.unservedCounts)}`,
  )
  for (const { kv, index } of simulation.units) law(kv.used === 0, simulation, `${kv.used} blocks leaked on replica ${index}`)
  const { requests } = results
  const column = (name: Parameters<typeof requests.column>[0]) => requests.column(name)
  const instants = ['arrivalNs', 'queuedNs', 'firstScheduledNs', 'firstTokenNs', 'lastTokenNs'] as const
  let decodeNs = 0
  for (let row = 0; row < requests.length; row++) {
    const times = instants.map((name) => column(name)[row]!)
    const ordered = times.every((time, i) => Number.isSafeInteger(time) && (i === 0 || time >= times[i - 1]!))
    law(ordered, simulation, `request ${column('arrivalIndex')[row]} has ${instants.map((name, i) => `${name} ${times[i]}`).join(', ')}`)
    decodeNs += column('lastTokenNs')[row]! - column('firstTokenNs')[row]!
    const cached = column('cachedTokens')[row]!
    law(
      cached >= 0 && cached < column('promptTokens')[row]! + column('outputTokens')[row]!,
      simulation,
      `request ${column('arrivalIndex')[row]} found ${cached} tokens`,
    )
  }
  // Tokens that come out together have no gap between them.
  const bundled = [...new Set(simulation.units.map((unit) => unit.shared.speculation))].reduce((sum, s) => sum + (s?.bundledTokens ?? 0), 0)
  const gaps = results.outputTokens - results.finished + results.unservedTokens - results.unservedWithTokens - bundled
  law(results.itl.count === gaps, simulation, `${results.itl.count} gaps between outputs, expected ${gaps}`)
  // The gaps of a request add up to the time from its first token to its last.
  const gapsNs = results.itl.count === 0 ? 0 : results.itl.meanNs * results.itl.count
  law(
    requests.length < results.finished || results.unservedTokens > 0 || Math.abs(gapsNs - decodeNs) <= 1e-9 * decodeNs,
    simulation,
    `gaps between tokens add up to ${gapsNs} ns, expected ${decodeNs}`,
  )
}

function law(holds: boolean, simulation: Simulation, broken: string): void {
  if (!holds) throw new LawBroken(`At ${simulation.now} ns ${broken}.`)
}
