import { type ClusterView, createRandomSource, parseOptions, Registry, router } from '@servesim/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { leastLoaded } from './index.js'

const provider = new Registry([leastLoaded]).named(router, 'least-loaded', 'router')

function build(replicaCount: number, options: Record<string, unknown> = {}) {
  const random = createRandomSource(0).stream('router', 0)
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

test('a waiting request weighs as much as four running ones', () => {
  expect(build(2).route(0, view([1, 0], [0, 3]), 0)).toBe(1)
  expect(build(2).route(0, view([1, 0], [0, 5]), 0)).toBe(0)
  expect(build(2, { waitingWeight: 1 }).route(0, view([1, 0], [0, 3]), 0)).toBe(0)
})

test('no replica scores lower than the one picked', () => {
  const loads = fc.array(fc.tuple(fc.nat(50), fc.nat(50)), { minLength: 1, maxLength: 9 })
  fc.assert(
    fc.property(loads, fc.nat(8), (pairs, requests) => {
      const waiting = pairs.map(([w]) => w)
      const running = pairs.map(([, r]) => r)
      const score = (replica: number) => 4 * waiting[replica]! + running[replica]!
      const built = build(pairs.length)
      for (let request = 0; request <= requests; request++) {
        const picked = built.route(request, view(waiting, running), request)
        expect(score(picked)).toBe(Math.min(...pairs.map((_, replica) => score(replica))))
      }
    }),
  )
})

test('equals are taken in turn, from a start that moves on with every request', () => {
  const built = build(3)
  const idle = view([0, 0, 0], [0, 0, 0])
  expect([0, 1, 2, 3].map((request) => built.route(request, idle, request))).toEqual([0, 1, 2, 0])
})

test('between two refreshes only the own picks are seen', () => {
  const built = build(2, { viewAgeMs: 100 })
  const waiting = [0, 0]
  const running = [0, 6]
  const at = (ms: number) => built.route(0, view(waiting, running), ms * 1e6)
  expect(at(0)).toBe(0)
  waiting[0] = 50
  // The copy holds one own pick on replica 0 (score 4), not the fifty that wait there now; then two (score 8).
  expect(at(50)).toBe(0)
  expect(at(99)).toBe(1)
  expect(at(100)).toBe(1)
})

test('a live view sees every change at once', () => {
  const built = build(2)
  expect(built.route(0, view([0, 0], [0, 1]), 0)).toBe(0)
  expect(built.route(1, view([50, 0], [0, 1]), 0)).toBe(1)
})

test.each([{ waitingWeight: -1 }, { waitingWeight: Number.NaN }, { viewAgeMs: -1 }, { viewAgeMs: 1e30 }, { viewAgeMs: '1' }])(
  '%j is refused',
  (options) => {
    expect(() => build(2, options)).toThrow(/Found .*; expected /)
  },
)

test('a replica that takes no requests is passed over, however idle', () => {
  const built = build(3)
  expect([0, 1, 2].map((request) => built.route(request, view([5, 0, 6], [0, 0, 0], [1]), request))).toEqual([0, 0, 0])
})
