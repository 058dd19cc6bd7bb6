import { type ClusterView, createRandomSource, parseOptions, Registry, router } from '@servesim/core'
import { expect, test } from 'vitest'
import { roundRobin } from './index.js'

const provider = new Registry([roundRobin]).named(router, 'round-robin', 'router')

function build(replicaCount: number) {
  const random = createRandomSource(0).stream('router', 0)
  return provider.build(parseOptions(provider.options, { use: 'round-robin' }, 'router'), { replicaCount, random })
}

function view(replicaCount: number, closed: number[] = []): ClusterView {
  const takesRequests = (replica: number) => !closed.includes(replica)
  return { replicaCount, takesRequests, waiting: () => 9, running: () => 9, kvUse: () => 1, cachedBlocks: () => 0 }
}

test('replicas are taken in turn, whatever their load', () => {
  const built = build(3)
  expect([0, 1, 2, 3, 4, 5, 6].map((request) => built.route(request, view(3), request))).toEqual([0, 1, 2, 0, 1, 2, 0])
})

test('a cluster that shrank is never sent a request to a replica it lost', () => {
  const built = build(3)
  built.route(0, view(3), 0)
  built.route(1, view(3), 0)
  expect([2, 3, 4].map((request) => built.route(request, view(2), 0))).toEqual([0, 1, 0])
})

test('a replica that takes no requests is passed over', () => {
  const built = build(3)
  expect([0, 1, 2, 3].map((request) => built.route(request, view(3, [0, 2]), 0))).toEqual([1, 1, 1, 1])
  expect(built.route(4, view(3), 0)).toBe(2)
})

test('it has no options', () => {
  expect(() => parseOptions(provider.options, { use: 'round-robin', start: 1 }, 'router')).toThrow('no option "start"')
})
