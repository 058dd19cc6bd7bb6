import { describeEviction } from '@servesim/testkit'
import { s3Fifo } from '../src/index.js'

describeEviction(s3Fifo)
describeEviction(s3Fifo, { smallFraction: 0.5, ghostFraction: 0.01 })
