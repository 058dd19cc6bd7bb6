import { describeTechnique } from '@servesim/testkit'
import { attentionOffload } from '../src/index.js'

describeTechnique(attentionOffload, { options: { device: 'toy-device' } })
describeTechnique(attentionOffload, { options: { device: { use: 'toy-device', contextNs: 0.5 }, linkGBps: 16, syncUs: 0.2 } })
