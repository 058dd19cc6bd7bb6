// What is fitted for each operator family: coefficients with their physical ranges, and the prediction for a table's row.
import { decodeAttention } from '../dist/roofline/decode-attention.js'
import { gemm } from '../dist/roofline/gemm.js'
import { moe } from '../dist/roofline/moe.js'
import { prefillAttention } from '../dist/roofline/prefill-attention.js'

/** @typedef {import('./tables.mjs').FamilyName} FamilyName */

const cost = { us: 0, computeFraction: 0 }

/**
 * Coefficient: lowest, start, highest. Shares stop at 1, but matrix rates of attention may be booked as faster, since the tile's
 * softmax, fitted beside it, runs at the same time.
 * @type {Record<FamilyName, { ranges: Record<string, [number, number, number]>, predict: (gpu: any, c: any, r: any) => number }>}
 */
export const families = {
  gemm: {
    ranges: {
      launchUs: [0.5, 1.5, 4],
      bandwidthShare: [0.6, 0.85, 0.97],
      fillUs: [0.1, 1.5, 5],
      l2BytesPerUs: [1e6, 3e6, 8e6],
      computeShare: [0.5, 0.85, 1],
      operandBytesPerUs: [15e3, 80e3, 300e3],
      tileUs: [0.3, 1.5, 5],
      splitUs: [0.5, 2, 6],
      waveOverlap: [0, 0.3, 1],
    },
    predict: (gpu, c, r) => gemm(gpu, c, r.m, r.n, r.k, 'replayed').us,
  },
  decode: {
    ranges: {
      launchUs: [2, 6, 15],
      packUs: [0, 2, 10],
      combineUs: [0, 2, 10],
      combinePerSplitUs: [0, 0.1, 0.5],
      blockUs: [0.3, 2, 6],
      tokenNs: [5, 18, 40],
      bandwidthShare: [0.6, 0.85, 0.97],
    },
    predict: (gpu, c, r) => decodeAttention(gpu, c, { ...r, kvBytesPerElement: 2 }, r.sequences, r.tokens, 'replayed').us,
  },
  prefill: {
    ranges: {
      launchUs: [2, 6, 15],
      sequenceUs: [0, 0.03, 0.3],
      blockUs: [0, 2, 6],
      computeShare: [0.4, 0.8, 1],
      softmaxPs: [0, 100, 300],
      tailShare: [0, 0.7, 1.5],
      bandwidthShare: [0.3, 0.7, 0.97],
    },
    predict: (gpu, c, r) => prefillAttention(gpu, c, { ...r, kvBytesPerElement: 2 }, r.sequences * r.tokens, ((1 - r.sequences) * r.tokens) / 2, 0, 0, cost).us,
  },
  moe: {
    ranges: {
      launchUs: [5, 12, 40],
      sortUs: [0, 1, 6],
      bandwidthShare: [0.6, 0.85, 0.97],
      computeShare: [0.2, 0.7, 1],
      operandBytesPerUs: [10e3, 60e3, 300e3],
      tileUs: [0.1, 1, 5],
      activationShare: [0, 1, 3],
    },
    predict: (gpu, c, r) => moe(gpu, c, r, r.tokens, r.routing).us,
  },
}
