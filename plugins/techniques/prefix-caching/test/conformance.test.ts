import { lru } from '@servesim/eviction-lru'
import { describeTechnique } from '@servesim/testkit'
import { prefixCaching } from '../src/index.js'

describeTechnique(prefixCaching, { plugins: [lru] })
