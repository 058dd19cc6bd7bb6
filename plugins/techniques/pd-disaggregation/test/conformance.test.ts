import { describePlugin } from '@servesim/testkit'
import { pdDisaggregation } from '../src/index.js'

describePlugin(pdDisaggregation)
