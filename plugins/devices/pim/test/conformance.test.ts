import { describeDevice } from '@servesim/testkit'
import { pim } from '../src/index.js'

describeDevice(pim)
