import { createSimulation, definePlugin, type Engine, Phase, technique } from '@servesim/core'
import { smallScenario } from '@servesim/testkit'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { analyticalNetwork } from '../src/index.js'

/** Every step takes 1000 ns, 7 a sequence, 2 × 10 a token, and collectives: 2 × (100 + 64 × 0.5 × byteNs) for one token. */
const decodeNs = (byteNs: number, flows = 0) => 1027 + 2 * 100 + 64 * byteNs * (1 + flows)
const linkNs = (byteNs: number) => 64 * byteNs

/** One replica of two ranks on a switch of 10 GB/s that decodes 200 tokens; `use` sends what it likes. */
function decoding(byteNs: number, use: (engine: Engine) => void) {
  const sender = definePlugin('sender', (host) => {
    host.provide(technique, { name: 'sender', description: 'Test.', options: z.strictObject({}), build: (_, { engine }) => use(engine) })
  })
  const fabric = {
    use: 'shared-links',
    intraNode: { topology: 'switch', bandwidthGBps: 10 },
    host: { bandwidthGBps: 5 },
    transferLatencyUs: 0,
  }
  const pool = {
    device: { use: 'toy-device', contextNs: 0 },
    parallelism: { tensor: 2 },
    network: { use: 'toy-network', latencyNs: 100, byteNs },
    techniques: [{ use: 'sender' }],
  }
  const requests = [{ arrivalNs: 0, promptTokens: 4, outputTokens: 200 }]
  return createSimulation(smallScenario({ requests, pool, fabric, plugins: [analyticalNetwork, sender] }))
}

/** Sends bytes from the first rank to the second at these instants. */
const fromRankToRank =
  (bytes: number, startsNs: number[], ends: number[] = [], target: { rank?: number; at?: 'host' } = { rank: 1 }) =>
  (engine: Engine) => {
    const timer = engine.timer((token) => {
      engine.transfer({ source: { replica: 0 }, target: { replica: 0, ...target }, bytes }, (nowNs) => {
        ends[token] = nowNs
      })
    })
    for (const [token, startNs] of startsNs.entries()) timer.at(startNs, Phase.control, token)
  }

function gapsOf(simulation: ReturnType<typeof decoding>) {
  simulation.run()
  const { itl } = simulation.results
  return [itl.minNs, itl.maxNs]
}

describe('a collective is priced with the flows on its links', () => {
  test('each takes as much of a link as the collective', () => {
    expect(gapsOf(decoding(2, () => {}))).toEqual([decodeNs(2), decodeNs(2)])
    expect(gapsOf(decoding(2, fromRankToRank(200_000, [50_000])))).toEqual([decodeNs(2), decodeNs(2, 1)])
    expect(gapsOf(decoding(2, fromRankToRank(200_000, [50_000, 60_000])))).toEqual([decodeNs(2), decodeNs(2, 2)])
  })

  test('what goes elsewhere does not touch it', () => {
    // NVLink has no part in the way to the host.
    expect(gapsOf(decoding(2, fromRankToRank(200_000, [50_000], [], { at: 'host' })))).toEqual([decodeNs(2), decodeNs(2)])
  })

  test('what flows add is time on the links', () => {
    const links = (startsNs: number[]) => decoding(2, fromRankToRank(100_000, startsNs)).run().timeByResource.link * 1e9
    const added = links([50_000]) - links([])
    // Some ten microseconds are six or seven steps.
    expect(added / linkNs(2)).toBeCloseTo(Math.round(added / linkNs(2)), 6)
    expect(added / linkNs(2)).toBeGreaterThan(5)
  })
})

describe('a flow finds the links less what collectives take of them', () => {
  const endOf = (byteNs: number, startNs: number) => {
    const ends: number[] = []
    decoding(byteNs, fromRankToRank(100_000, [startNs], ends)).run()
    return ends[0]! - startNs
  }

  test('on average, as of the first step that only decodes', () => {
    expect(endOf(2, 50_000)).toBe(Math.round(100_000 / (10 * (1 - linkNs(2) / decodeNs(2)))))
  })

  test('but half of them at least', () => {
    expect(linkNs(60) / decodeNs(60)).toBeGreaterThan(0.5)
    expect(endOf(60, 50_000)).toBe(20_000)
  })

  test('and all of them once nothing runs', () => {
    expect(endOf(2, 5_000_000)).toBe(10_000)
  })
})
