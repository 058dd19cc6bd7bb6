import { describeTechnique } from '@servesim/testkit'
import { hostTime } from '../src/index.js'

describeTechnique(hostTime)
describeTechnique(hostTime, { options: { mixedStepMs: 0.01, decodeStepMs: 0.001, perSequenceUs: 0.2 } })
