import { describeDevice } from '@servesim/testkit'
import { npu } from '../src/index.js'

describeDevice(npu)
