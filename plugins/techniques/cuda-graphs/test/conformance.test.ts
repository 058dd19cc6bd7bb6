import { describeTechnique } from '@servesim/testkit'
import { cudaGraphs } from '../src/index.js'

describeTechnique(cudaGraphs)
describeTechnique(cudaGraphs, { options: { captureSizes: [1, 3, 20], mode: 'piecewise' } })
