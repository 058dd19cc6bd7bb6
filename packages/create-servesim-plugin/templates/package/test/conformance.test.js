import { describePlugin } from '@servesim/testkit'
import { exampleName } from '../dist/index.js'

// The laws that every plugin of this kind obeys. Tests of what yours does differently go beside this file.
describePlugin(exampleName)
