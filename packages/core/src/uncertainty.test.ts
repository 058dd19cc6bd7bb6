import { expect, test } from 'vitest'
import { uncertaintyOf } from './uncertainty.js'

test('uncertainty is the share of time per provenance times its left-out error, and what is unknown is said', () => {
  const measured = { provenanceNs: Float64Array.of(30, 20, 0, 0), errors: { measured: 0, interpolated: 0.02 } }
  const analytic = { provenanceNs: Float64Array.of(0, 0, 10, 40), errors: { analytic: 0.05 } }
  expect(uncertaintyOf([measured, analytic])).toEqual({ relative: (20 * 0.02 + 40 * 0.05) / 100, unknownShare: 0.1 })
  expect(uncertaintyOf([])).toEqual({ relative: 0, unknownShare: 0 })
})
