import type { SimulationResult } from '@servesim/core'
import { expect, test } from 'vitest'
import { uncertaintyBands } from './uncertainty.js'

const result = {
  uncertainty: { relative: 0.1, unknownShare: 0.25 },
  metrics: [
    { metric: 'ttft', stat: 'mean', value: 100 },
    { metric: 'tpot', stat: 'mean', value: Number.NaN },
  ],
  throughput: { requestsPerSecond: 11 },
} as unknown as SimulationResult

test('bands carry the uncertainty of device time over, latencies up and throughput down', () => {
  const bands = uncertaintyBands(result)
  expect(bands).toMatchObject({ relative: 0.1, unknownShare: 0.25, tpotMs: null })
  expect(bands.ttftMs![0]).toBeCloseTo(90, 9)
  expect(bands.ttftMs![1]).toBeCloseTo(110, 9)
  expect(bands.requestsPerSecond[0]).toBeCloseTo(10, 9)
  expect(bands.requestsPerSecond[1]).toBeCloseTo(11 / 0.9, 9)
})
