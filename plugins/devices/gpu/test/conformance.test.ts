import { describeDevice } from '@servesim/testkit'
import { gpu } from '../src/index.js'

describeDevice(gpu)
