import { describeModelSource } from '@servesim/testkit'
import { models } from '../src/index.js'

describeModelSource(models)
