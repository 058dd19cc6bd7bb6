import { expect, test } from 'vitest'
import { compare, comparisonTable, errorSummary, figuresOf } from './comparison.js'

test('percentiles are linear between samples, in any order', () => {
  expect(figuresOf('ttft', [4, 1, 3, 2]).map((figure) => figure.value)).toEqual([2.5, 2.5, 3.7, 3.8499999999999996, 3.9699999999999998])
})

test('errors are relative to the measured figure; figures that only one side has are left out', () => {
  const measured = figuresOf('ttft', [10])
  const comparisons = compare(measured, [
    { metric: 'ttft', stat: 'mean', value: 11 },
    { metric: 'ttft', stat: 'median', value: 8 },
    { metric: 'itl', stat: 'mean', value: 1 },
  ])
  expect(comparisons.map((c) => c.errorPct)).toEqual([10, -20])
  expect(errorSummary(comparisons)).toEqual({ meanAbsErrorPct: 15, maxAbsErrorPct: 20 })
  expect(comparisonTable(comparisons).slice(1)).toEqual([
    'TTFT    mean          10.00         11.00  +10.00 %',
    '        median        10.00         8.000  -20.00 %',
  ])
})
