import { describeTechnique } from '@servesim/testkit'
import { dataParallel } from '../src/index.js'

// What several ranks do is looked at in laws.test.ts: the toy model has no experts to share.
describeTechnique(dataParallel)
