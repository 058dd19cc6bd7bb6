import { describeTechnique } from '@servesim/testkit'
import { deviceEfficiency } from '../src/index.js'

describeTechnique(deviceEfficiency)
describeTechnique(deviceEfficiency, { options: { operatorFactor: 1.2, attentionFactor: 0.7, source: 'a test' } })
