import { describeDevice } from '@servesim/testkit'
import { tpu } from '../src/index.js'

describeDevice(tpu)
