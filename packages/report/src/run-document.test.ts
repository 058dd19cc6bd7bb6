import { expect, test } from 'vitest'
import { sampleFacts, sampleResult } from '../test/sample-run.js'
import { runDocument } from './run-document.js'

test('the document has the twenty figures, shares that add to 1, and survives JSON', () => {
  const document = runDocument(sampleResult(), sampleFacts(), 12)
  expect(document).toMatchObject({
    schemaVersion: 1,
    requests: { arrived: 100, finished: 99, refused: 1, aborted: 0, lost: 0 },
    steps: { total: 12_345, fastShare: 0.5 },
    wallMs: 12,
  })
  expect(document.metrics).toHaveLength(20)
  expect(document.provenance).toEqual({ measured: 0.75, interpolated: 0.25, extrapolated: 0, analytic: 0 })
  expect(JSON.parse(JSON.stringify(document))).toEqual(document)
})

test('a figure that nothing was measured for is null', () => {
  const { metrics } = runDocument(sampleResult({ metrics: [{ metric: 'tpot', stat: 'mean', value: Number.NaN }] }), sampleFacts())
  expect(metrics).toEqual([{ metric: 'tpot', stat: 'mean', value: null }])
})

test('without a wall time the document is the same for equal runs', () =>
  expect(runDocument(sampleResult(), sampleFacts())).not.toHaveProperty('wallMs'))
