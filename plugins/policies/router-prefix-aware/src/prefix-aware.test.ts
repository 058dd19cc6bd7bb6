import { type ClusterView, createRandomSource, parseOptions, Registry, router } from '@servesim/core'
import { PrefixIds } from '@servesim/testkit'
import { describe, expect, it } from 'vitest'
import { prefixAware } from './index.js'

const provider = new Registry([prefixAware]).named(router, 'prefix-aware', 'router')
const groupTokens = 16

function build(replicaCount: number, options: Record<string, unknown> = {}) {
  const random = createRandomSource(0).stream('router')
  return provider.build(parseOptions(provider.options, options, 'router'), { replicaCount, random })
}

/** One letter of `text` per 16 tokens of a prompt. */
function cluster(loads: number[], cachedTokens: number[] = loads.map(() => 0)) {
  const ids = new PrefixIds()
  return (text: string, tokens = groupTokens * text.length, closed: number[] = []): ClusterView => ({
    replicaCount: loads.length,
    takesRequests: (replica) => !closed.includes(replica),
    waiting: () => 0,
    running: (replica) => loads[replica]!,
    kvUse: () => 0,
    cachedBlocks: () => 0,
    prompt: {
      tokens,
      text: text === '' ? undefined : { ids: Int32Array.from(ids.of(text)), count: text.length, groupTokens },
      cachedTokens: (replica) => cachedTokens[replica]!,
    },
  })
}

describe('in balance', () => {
  it('follows the prefix that was sent before, against the lower load', () => {
    const loads = [1, 0, 0]
    const built = build(3)
    const prompt = cluster(loads)
    expect(built.route(0, prompt('aaaa'), 0)).toBe(1)
    loads[1] = 50
    expect(built.route(1, prompt('aaab'), 1)).toBe(1)
    // Nothing known: the least loaded.
    expect(built.route(2, prompt('bbbb'), 2)).toBe(2)
  })

  it('needs more than the threshold’s share of the prompt', () => {
    const loads = [0, 9]
    const prompt = cluster(loads)
    const built = build(2, { cacheThreshold: 0.5 })
    built.route(0, prompt('aabb'), 0)
    loads[0] = 20
    expect(built.route(1, prompt('aacc'), 1)).toBe(1)
    expect(built.route(2, prompt('aabc'), 2)).toBe(0)
  })

  it('takes the longest of several matches, and of equal ones the less loaded', () => {
    const loads = [0, 1, 1]
    const prompt = cluster(loads)
    const built = build(3)
    built.route(0, prompt('aab'), 0)
    loads[0] = 2
    built.route(1, prompt('aac', 1000), 1)
    expect(built.route(2, prompt('aac'), 2)).toBe(1)
    expect(built.route(3, prompt('aad'), 3)).toBe(1)
    loads[0] = 0
    expect(built.route(4, prompt('aae'), 4)).toBe(0)
  })

  it('remembers the prompt alone, not the output whose text is known', () => {
    const loads = [0, 1]
    const prompt = cluster(loads)
    const built = build(2)
    // Four groups are known, of which two are prompt.
    built.route(0, prompt('aabb', 2 * groupTokens), 0)
    loads[0] = 5
    expect(built.route(1, prompt('aabbcccc', 8 * groupTokens), 1)).toBe(1)
  })
})

describe('out of balance', () => {
  it('needs both thresholds', () => {
    const sent = (loads: number[]) => {
      const prompt = cluster(loads)
      const built = build(2)
      const before = [...loads]
      loads.fill(0)
      loads[1] = 1
      built.route(0, prompt('aaaa'), 0)
      loads.splice(0, 2, ...before)
      return built.route(1, prompt('aaaa'), 1)
    }
    expect(sent([65, 0])).toBe(1)
    expect(sent([64, 0])).toBe(0)
    // 65 more, but not half as many again.
    expect(sent([201, 136])).toBe(0)
    expect(sent([196, 130])).toBe(1)
  })

  it('learns where the request went all the same', () => {
    const loads = [100, 0]
    const prompt = cluster(loads)
    const built = build(2)
    expect(built.route(0, prompt('aaaa'), 0)).toBe(1)
    loads.splice(0, 2, 0, 30)
    expect(built.route(1, prompt('aaaa'), 1)).toBe(1)
  })
})

it('forgets what is beyond the limit, at the interval', () => {
  const loads = [0, 1]
  const prompt = cluster(loads)
  const built = build(2, { maxTreeTokens: 4 * groupTokens, evictionIntervalS: 10 })
  built.route(0, prompt('aaaa'), 0)
  built.route(1, prompt('bbbb'), 1)
  loads[0] = 5
  expect(built.route(2, prompt('aaaa'), 9.9e9)).toBe(0)
  // Eight groups are known; the four of b were used longest ago.
  expect(built.route(3, prompt('bbbb'), 10e9)).toBe(1)
  expect(built.route(4, prompt('aaaa'), 10e9)).toBe(0)
})

it('asks the caches themselves when precise', () => {
  const built = build(3, { index: 'precise' })
  expect(built.route(0, cluster([0, 9, 9], [16, 32, 0])('aaaa'), 0)).toBe(1)
  expect(built.route(0, cluster([0, 9, 9], [16, 16, 0])('aaaa'), 0)).toBe(0)
  // What it chose before says nothing to it.
  expect(built.route(0, cluster([0, 9, 9], [0, 0, 40])('aaaa'), 0)).toBe(2)
})

it('sends what has no known text to the least loaded', () => {
  expect(build(3).route(0, cluster([2, 1, 4])('', 100), 0)).toBe(1)
})

it.each([{ cacheThreshold: 1.1 }, { index: 'exact' }, { maxTreeTokens: 0 }, { evictionIntervalS: 0 }])('refuses %j', (options) => {
  expect(() => build(2, options)).toThrow(/expected/)
})

it('passes over a replica that takes no requests, by prefix and by load', () => {
  const built = build(3)
  const at = cluster([0, 1, 2])
  expect(built.route(0, at('abcd'), 0)).toBe(0)
  expect(built.route(1, at('abcd', undefined, [0]), 0)).toBe(1)
  expect(built.route(2, at('xyz', undefined, [0, 1]), 0)).toBe(2)
})
