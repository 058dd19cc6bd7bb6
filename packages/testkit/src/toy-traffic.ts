import { definePlugin, type Engine, Phase, technique } from '@servesim/core'
import { z } from 'zod'
import { Draw } from './draw.js'

const options = z.strictObject({
  seed: z.number().int().min(0).max(1e9).default(0).describe('What is sent when'),
  count: z.number().int().min(0).max(1e6).default(24).describe('Transfers'),
})

/**
 * Bytes that travel between ranks and hosts for no reason: at random, some in pieces, some cancelled on the way. Counts what arrives, and
 * how long it took in all.
 */
export const toyTraffic = definePlugin('toy-traffic', (host) => {
  host.provide(technique, {
    name: 'toy-traffic',
    description: 'Sends bytes between ranks and hosts at random.',
    options,
    build: ({ seed, count }, { engine }) => sendAtRandom(engine, new Draw(seed, 'traffic'), count),
  })
})

function sendAtRandom(engine: Engine, draw: Draw, count: number): void {
  const { transfers } = engine
  const arrivals = engine.counter('toy transfers')
  const nanoseconds = engine.counter('toy transfer ns')
  const sentNs = new Float64Array(count)
  const tickets = new Float64Array(count)
  const channel = transfers.channel({
    arrived(token, nowNs) {
      arrivals.value++
      nanoseconds.value += nowNs - sentNs[token]!
    },
  })
  const start = engine.timer((token, nowNs) => {
    const last = transfers.placement.endpointCount - 1
    sentNs[token] = nowNs
    const toNs = nowNs + draw.of(0, 0, 5_000)
    tickets[token] = channel.send(
      draw.integer(0, last),
      draw.integer(0, last),
      draw.of(1000, 40_000, 400_000),
      token,
      nowNs,
      toNs,
      draw.of(1, 8),
    )
  })
  const cancel = engine.timer((token) => void transfers.cancel(tickets[token]!))
  let atNs = 0
  for (let token = 0; token < count; token++) {
    atNs += draw.of(0, 777, 9_000)
    start.at(atNs, Phase.control, token)
    if (draw.chance(0.15)) cancel.at(atNs + draw.integer(0, 9_000), Phase.control, token)
  }
}
