import type { BuiltPool } from './build-pool.js'
import { type Choice, parseOptions, type Scenario } from './config.js'
import type { Engine } from './engine.js'
import { ServesimError } from './errors.js'
import { Phase } from './event-queue.js'
import type { OperatorGraph } from './operators.js'
import { placeReplicas } from './placement.js'
import type { Registry } from './plugin.js'
import { type Fabric, type FabricPlan, fabric, type Placement } from './points/fabric.js'

/** The plan of the fabric that the scenario names. */
export function planFabric(choice: Choice | undefined, registry: Registry): FabricPlan | undefined {
  if (choice === undefined) return undefined
  const provider = registry.named(fabric, choice.use, 'fabric.use')
  return provider.build(parseOptions(provider.options, choice, 'fabric'), { path: 'fabric' })
}

/** Places the replicas and hands the engine the links between them; without a choice, those of the one fabric that is installed. */
export function bindFabric(
  scenario: Scenario,
  pools: readonly BuiltPool[],
  plan: FabricPlan | undefined,
  registry: Registry,
  engine: Engine,
) {
  const placement = placeReplicas(
    pools.map(({ count, deviceCount, device }, i) => {
      const { devicesPerNode, hostsPerNode, sharesNodes } = scenario.pools[i]!
      return { count, ranks: deviceCount / count, device: device.spec.name, devicesPerNode, hostsPerNode, sharesNodes }
    }),
  )
  const open = (neededBy: string) => openFabric(plan ?? planFabric(onlyFabric(registry, neededBy), registry)!, placement, pools, engine)
  engine.transfers.bind(placement, open, plan !== undefined)
}

function openFabric(plan: FabricPlan, placement: Placement, pools: readonly BuiltPool[], engine: Engine): Fabric {
  let wake: (nowNs: number) => void = () => {}
  const alarm = engine.alarm(Phase.complete, (nowNs) => wake(nowNs))
  return plan.build({
    placement,
    pools: pools.map(({ name, device, stages }) => ({ name, device: device.spec, collectiveRanks: collectiveRanks(stages) })),
    setAlarm: (timeNs) => alarm.set(timeNs),
    onAlarm: (callback) => {
      wake = callback
    },
    ended: (flow, nowNs) => engine.transfers.ended(flow, nowNs),
    crowded: (replica, flows, nowNs) => engine.units[replica]!.crowded(flows, nowNs),
  })
}

function collectiveRanks(stages: readonly OperatorGraph[]): number {
  return Math.max(1, ...stages.flatMap(({ collectives }) => collectives.map(({ ranks }) => ranks)))
}

function onlyFabric(registry: Registry, neededBy: string): Choice {
  const installed = registry.all(fabric).map(({ provided }) => provided.name)
  if (installed.length === 1) return { use: installed[0]! }
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    'fabric',
    installed.length === 0
      ? `${neededBy} sends bytes between replicas or hosts, and no plugin provides the links between them.`
      : `${neededBy} sends bytes between replicas or hosts, and several plugins provide the links between them: ${installed.join(', ')}.`,
    installed.length === 0 ? 'Add a plugin that provides a fabric.' : 'Name one: fabric: { use: … }.',
  )
}
