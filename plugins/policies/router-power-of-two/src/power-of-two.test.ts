import { type ClusterView, createRandomSource, parseOptions, Registry, router } from '@servesim/core'
import { expect, test } from 'vitest'
import { powerOfTwo } from './index.js'

const provider = new Registry([powerOfTwo]).named(router, 'power-of-two', 'router')

function build(replicaCount: number, options: Record<string, unknown> = {}, seed = 0) {
  const random = createRandomSource(seed).stream('router')
  return provider.build(parseOptions(provider.options, options, 'router'), { replicaCount, random })
}

function view(waiting: number[], running: number[], closed: number[] = []): ClusterView {
  return {
    replicaCount: waiting.length,
    takesRequests: (replica) => !closed.includes(replica),
    waiting: (replica) => waiting[replica]!,
    running: (replica) => running[replica]!,
    kvUse: () => 0,
    cachedBlocks: () => 0,
  }
}

/** How often each replica is chosen over `requests` requests at frozen loads. */
function shares(waiting: number[], running: number[], requests = 20_000): number[] {
  const built = build(waiting.length)
  const chosen = waiting.map(() => 0)
  for (let request = 0; request < requests; request++) chosen[built.route(request, view(waiting, running), request)]!++
  return chosen.map((times) => times / requests)
}

// With n replicas of different load, the one with k heavier ones wins every pair with those: k ÷ (n(n − 1)/2).
test('each replica wins the pairs in which it has fewer requests in flight', () => {
  const [most, second, third, least] = shares([3, 0, 1, 0], [1, 3, 1, 1])
  expect(most).toBe(0)
  for (const [share, expected] of [
    [second, 1 / 6],
    [third, 2 / 6],
    [least, 3 / 6],
  ] as const) {
    // Four standard deviations of a binomial share.
    expect(Math.abs(share! - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / 20_000))
  }
})

test('equals share the requests evenly, since both of a pair are drawn evenly', () => {
  for (const share of shares([0, 0, 0, 0, 0], [2, 2, 2, 2, 2])) expect(Math.abs(share - 0.2)).toBeLessThan(4 * Math.sqrt(0.16 / 20_000))
})

test('waiting and running requests weigh the same', () => {
  expect(shares([2, 0], [0, 1], 50)).toEqual([0, 1])
  expect(shares([0, 0], [2, 3], 50)).toEqual([1, 0])
})

test('between two refreshes only the own picks are seen', () => {
  const built = build(2, { viewAgeMs: 100 })
  const waiting = [0, 3]
  const at = (ms: number) => built.route(0, view(waiting, [0, 0]), ms * 1e6)
  expect([at(0), at(1), at(2)]).toEqual([0, 0, 0])
  waiting[0] = 50
  expect(at(100)).toBe(1)
  waiting[1] = 99
  expect(at(199)).toBe(1)
  expect(at(200)).toBe(0)
})

test('a single replica needs no draw', () => {
  expect(build(1).route(0, view([9], [9]), 0)).toBe(0)
})

test.each([{ viewAgeMs: -1 }, { viewAgeMs: Number.NaN }, { choices: 3 }])('%j is refused', (options) => {
  expect(() => build(2, options)).toThrow(/viewAgeMs|choices|expected/)
})

test('a replica that takes no requests is never drawn', () => {
  const built = build(4)
  const chosen = new Set(
    Array.from({ length: 100 }, (_, request) => built.route(request, view([0, 9, 0, 9], [0, 0, 0, 0], [0, 2]), request)),
  )
  expect([...chosen].sort()).toEqual([1, 3])
  expect(built.route(0, view([1, 1, 1, 1], [0, 0, 0, 0], [0, 1, 2]), 0)).toBe(3)
})
