import { createSimulation, type SimulationInput } from '@servesim/core'
import { outcomeOf } from '@servesim/testkit'
import { expect, it } from 'vitest'
import { randomScenario } from './random-scenario.js'

const cases = Number(process.env.SERVESIM_CASES ?? 400)

/** The same scenario with vLLM's cache block by block; undefined where it has none, or another eviction than vLLM's. */
function blockByBlock(input: SimulationInput): SimulationInput | undefined {
  const [pool] = input.pools
  const techniques = pool!.techniques ?? []
  const caching = techniques.find((t) => t.use === 'prefix-caching')
  if ((caching?.eviction as { use: string } | undefined)?.use !== 'lru') return undefined
  // It does not tell what it loses.
  if (techniques.some((t) => t.store === 'on-eviction')) return undefined
  const reference = { use: 'reference-prefix-caching', blankFirst: pool!.scheduler.release === '0.28' }
  return { ...input, pools: [{ ...pool!, techniques: techniques.map((t) => (t.use === 'prefix-caching' ? reference : t)) }] }
}

it('serves every request at the same instants with an index of runs as with one of single blocks', () => {
  let compared = 0
  let cachedTokens = 0
  for (let number = 0; compared < cases; number++) {
    const input = randomScenario(number)
    const reference = blockByBlock(input)
    if (reference === undefined) continue
    const [runs, blocks] = [createSimulation(input), createSimulation(reference)]
    cachedTokens += runs.run().cachedTokens
    blocks.run()
    expect(outcomeOf(runs).exact, `scenario ${number}`).toEqual(outcomeOf(blocks).exact)
    compared++
  }
  console.log(`runs = blocks: ${compared} scenarios, ${cachedTokens} cached tokens`)
  expect(cachedTokens).toBeGreaterThan(cases)
}, 30_000)
