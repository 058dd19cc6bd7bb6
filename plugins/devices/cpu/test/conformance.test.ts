import { describeDevice } from '@servesim/testkit'
import { cpu } from '../src/index.js'

describeDevice(cpu)
