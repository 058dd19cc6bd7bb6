import { describeTechnique } from '@servesim/testkit'
import { decodeStraggler } from '../src/index.js'

describeTechnique(decodeStraggler)
