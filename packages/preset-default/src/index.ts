import { queueLimit } from '@servesim/admission-queue-limit'
import { faults } from '@servesim/controller-faults'
import { definePlugin } from '@servesim/core'
import { cpu } from '@servesim/device-cpu'
import { gpu } from '@servesim/device-gpu'
import { npu } from '@servesim/device-npu'
import { pim } from '@servesim/device-pim'
import { tpu } from '@servesim/device-tpu'
import { lru } from '@servesim/eviction-lru'
import { s3Fifo } from '@servesim/eviction-s3-fifo'
import { models } from '@servesim/models'
import { analyticalNetwork } from '@servesim/network-analytical'
import { leastLoaded } from '@servesim/router-least-loaded'
import { powerOfTwo } from '@servesim/router-power-of-two'
import { prefixAware } from '@servesim/router-prefix-aware'
import { roundRobin } from '@servesim/router-round-robin'
import { sglangScheduler } from '@servesim/scheduler-sglang'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { attentionOffload } from '@servesim/technique-attention-offload'
import { cudaGraphs } from '@servesim/technique-cuda-graphs'
import { dataParallel } from '@servesim/technique-data-parallel'
import { decodeStraggler } from '@servesim/technique-decode-straggler'
import { deviceEfficiency } from '@servesim/technique-device-efficiency'
import { hostTime } from '@servesim/technique-host-time'
import { kvOffload } from '@servesim/technique-kv-offload'
import { pdDisaggregation } from '@servesim/technique-pd-disaggregation'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { speculativeDecoding } from '@servesim/technique-speculative-decoding'
import { subBatchInterleaving } from '@servesim/technique-sub-batch-interleaving'
import { workloads } from '@servesim/workload'

export { defaultScenario } from './default-scenario.js'

const plugins = [
  models,
  workloads,
  gpu,
  tpu,
  npu,
  cpu,
  pim,
  analyticalNetwork,
  vllmScheduler,
  sglangScheduler,
  leastLoaded,
  roundRobin,
  powerOfTwo,
  prefixAware,
  queueLimit,
  faults,
  prefixCaching,
  kvOffload,
  lru,
  s3Fifo,
  cudaGraphs,
  dataParallel,
  deviceEfficiency,
  pdDisaggregation,
  hostTime,
  decodeStraggler,
  subBatchInterleaving,
  attentionOffload,
  speculativeDecoding,
]

/** Every plugin that `npx servesim run` knows without further installation. */
export const presetDefault = definePlugin('preset-default', () => {}, plugins)
