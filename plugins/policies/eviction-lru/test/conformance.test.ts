import { describeEviction } from '@servesim/testkit'
import { lru } from '../src/index.js'

describeEviction(lru)
