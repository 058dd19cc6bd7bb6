import { describePlugin } from '@servesim/testkit'
import { faults } from '../src/index.js'

// Steps of the toy device last microseconds: replicas die every 50 µs or so, and come up after 10.
describePlugin(faults, { meanTimeBetweenFailuresS: 50e-6, meanTimeToRepairS: 10e-6 })
describePlugin(faults, { events: [{ atS: 30e-6, replica: 1, action: 'kill' }] })
