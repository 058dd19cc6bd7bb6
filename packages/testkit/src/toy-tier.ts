import { definePlugin, type Engine, type KvTier, type KvTierContext, kvTier, Phase, technique } from '@servesim/core'
import { z } from 'zod'
import { Draw } from './draw.js'

const options = z.strictObject({
  hitChance: z.number().min(0).max(1).default(0.5).describe('Share of requests that it has KV for'),
  wholeChance: z.number().min(0).max(1).default(0.3).describe('Share of those whose whole prompt it has'),
  loadNs: z.number().int().min(0).max(1e12).default(5000).describe('Every load'),
  tokenNs: z.number().int().min(0).max(1e9).default(10).describe('Every loaded token'),
  failChance: z.number().min(0).max(1).default(0).describe('Share of loads that fail when their time is over'),
  waitChance: z.number().min(0).max(1).default(0).describe('Share of requests that wait for loads which are under way before they load'),
})

type ToyTierOptions = z.output<typeof options>

/** A memory that has KV of whatever requests it likes to: for tests of loads, their failures and requests that must ask again. */
export const toyTiers = definePlugin('toy-tier', (host) => {
  host.provide(technique, {
    name: 'toy-tier',
    description: 'A memory behind the device that has the KV of some requests, by chance.',
    options,
    build: (own, { claim, engine }) =>
      claim(kvTier, { name: 'toy-tier', reads: 'sequences', build: (context) => new ToyTier(own, context, engine) }),
  })
})

class ToyTier implements KvTier {
  readonly reads = 'sequences'
  /** The load under way of each request. */
  private readonly loads = new Map<number, number>()
  private readonly failed = new Set<number>()
  private readonly ends: { request: number; arrivalIndex: number }[] = []
  private readonly timer

  constructor(
    private readonly own: ToyTierOptions,
    private readonly context: KvTierContext,
    engine: Engine,
  ) {
    this.timer = engine.timer((load) => this.end(load))
    this.nowNs = () => engine.nowNs
  }

  private readonly nowNs: () => number

  probe(request: number, fromToken: number): number {
    const { arrivalIndex, promptTokens } = this.context.requests
    if (this.failed.has(arrivalIndex[request]!)) return 0
    const draw = new Draw(arrivalIndex[request]!, 'toy tier')
    if (!draw.chance(this.own.hitChance)) return 0
    const prompt = promptTokens[request]!
    const known = draw.chance(this.own.wholeChance) ? prompt : draw.integer(1, prompt)
    if (known <= fromToken) return 0
    return this.loads.size > 0 && draw.chance(this.own.waitChance) ? -1 : known - fromToken
  }

  load(request: number, _fromToken: number, tokens: number): void {
    const load = this.ends.push({ request, arrivalIndex: this.context.requests.arrivalIndex[request]! }) - 1
    this.loads.set(request, load)
    this.timer.at(this.nowNs() + this.own.loadNs + this.own.tokenNs * tokens, Phase.complete, load, this.context.replica)
  }

  private end(load: number): void {
    const { request, arrivalIndex } = this.ends[load]!
    if (this.loads.get(request) !== load) return
    this.loads.delete(request)
    if (new Draw(arrivalIndex, 'toy tier fails').chance(this.own.failChance)) {
      this.failed.add(arrivalIndex)
      this.context.failed(request)
    } else this.context.landed(request)
    this.context.changed()
  }

  cancel(request: number): void {
    this.loads.delete(request)
    this.context.changed()
  }
}
