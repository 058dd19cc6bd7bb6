import { definePlugin } from '@servesim/core'
import { gpu } from '@servesim/device-gpu'
import { lru } from '@servesim/eviction-lru'
import { models } from '@servesim/models'
import { analyticalNetwork } from '@servesim/network-analytical'
import { leastLoaded } from '@servesim/router-least-loaded'
import { roundRobin } from '@servesim/router-round-robin'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { cudaGraphs } from '@servesim/technique-cuda-graphs'
import { decodeStraggler } from '@servesim/technique-decode-straggler'
import { hostTime } from '@servesim/technique-host-time'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { workloads } from '@servesim/workload'

export { defaultScenario } from './default-scenario.js'

const plugins = [
  models,
  workloads,
  gpu,
  analyticalNetwork,
  vllmScheduler,
  leastLoaded,
  roundRobin,
  prefixCaching,
  lru,
  cudaGraphs,
  hostTime,
  decodeStraggler,
]

/** Every plugin that `npx servesim run` knows without further installation. */
export const presetDefault = definePlugin('preset-default', () => {}, plugins)
