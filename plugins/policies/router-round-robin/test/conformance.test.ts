import { describeRouter } from '@servesim/testkit'
import { roundRobin } from '../src/index.js'

describeRouter(roundRobin)
