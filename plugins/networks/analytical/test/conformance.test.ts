import { describeFabric, describeNetwork } from '@servesim/testkit'
import { analyticalNetwork } from '../src/index.js'

describeNetwork(analyticalNetwork)
describeNetwork(analyticalNetwork, { latencyUs: 3, bandwidthGBps: 20 })
describeFabric(analyticalNetwork)
describeFabric(analyticalNetwork, {
  intraNode: { topology: 'ring', bandwidthGBps: 20, latencyUs: 0.5 },
  interNode: { topology: 'full-mesh' },
  transferLatencyUs: 0,
})
