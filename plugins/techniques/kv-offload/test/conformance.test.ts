import { lru } from '@servesim/eviction-lru'
import { vllmScheduler } from '@servesim/scheduler-vllm'
import { prefixCaching } from '@servesim/technique-prefix-caching'
import { describeTechnique } from '@servesim/testkit'
import { kvOffload } from '../src/index.js'

describeTechnique(kvOffload, {
  plugins: [lru, vllmScheduler, prefixCaching],
  options: { sizeGiB: 0.0001 },
  beside: [{ use: 'prefix-caching' }],
})
