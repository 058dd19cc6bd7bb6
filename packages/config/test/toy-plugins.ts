import { definePlugin, device, network, router, scheduler, technique, workload } from '@servesim/core'
import { z } from 'zod'

const never = (): never => {
  throw new Error('configuration builds nothing')
}

/** Providers with options of several kinds; none of them can be built. */
export const toys = definePlugin('toys', (host) => {
  const releases = z.strictObject({ release: z.enum(['0.19', '0.28']).default('0.19'), maxNumSeqs: z.number().int().min(1).optional() })
  host.provide(scheduler, { name: 'toy-scheduler', description: 'A scheduler.', options: releases, build: never, limits: never })
  const waiting = z.strictObject({ waitingWeight: z.number().default(4), label: z.string().optional() })
  host.provide(router, { name: 'toy-router', description: 'A router.', options: waiting, build: never })
  host.provide(technique, {
    name: 'toy-cache',
    description: 'A technique.',
    options: z.strictObject({ size: z.number().default(1) }),
    build: never,
  })
  host.provide(network, { name: 'toy-network', description: 'A network.', options: z.strictObject({}), build: never })
  host.provide(device, {
    name: 'toy-1',
    aliases: ['TOY1'],
    description: 'A device.',
    options: z.strictObject({ bundle: z.unknown().optional() }),
    build: never,
  })
  const load = z.strictObject({ ratePerSecond: z.number().default(1), lengths: z.strictObject({ mean: z.number() }).optional() })
  host.provide(workload, { name: 'toy-load', description: 'A workload.', options: load, build: never })
})

export const toyScenario = {
  workload: { use: 'toy-load' },
  router: { use: 'toy-router' },
  pools: [{ model: 'a/b', device: 'toy-1', scheduler: { use: 'toy-scheduler' }, techniques: [{ use: 'toy-cache', size: 3 }] }],
}
