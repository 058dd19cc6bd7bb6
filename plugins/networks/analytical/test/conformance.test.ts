import { describeNetwork } from '@servesim/testkit'
import { analyticalNetwork } from '../src/index.js'

describeNetwork(analyticalNetwork)
describeNetwork(analyticalNetwork, { latencyUs: 3, bandwidthGBps: 20 })
