// What is fitted for each operator family: coefficients with their physical ranges (lowest, start, highest), and the prediction for a
// table's row: benchmarks replay a kernel, so what fits comes from L2.
/** @typedef {import('./tables.mjs').FamilyName} FamilyName */

/**
 * @typedef {object} Roofline the model, compiled or from source
 * @property {typeof import('../src/roofline/gemm.js').gemm} gemm
 * @property {typeof import('../src/roofline/decode-attention.js').decodeAttention} decodeAttention
 * @property {typeof import('../src/roofline/prefill-attention.js').prefillAttention} prefillAttention
 * @property {typeof import('../src/roofline/moe.js').moe} moe
 */
/** @typedef {{ ranges: Record<string, [lowest: number, start: number, highest: number]>, predictUs: (gpu: any, c: any, r: any) => number }} Fitted */

const cost = { us: 0, computeFraction: 0 }

const gemmRanges = /** @type {Fitted['ranges']} */ ({
  launchUs: [0.5, 1.5, 8],
  bandwidthShare: [0.4, 0.8, 0.97],
  fillUs: [0.1, 1.5, 8],
  l2BytesPerUs: [1e6, 3e6, 16e6],
  computeShare: [0.3, 0.75, 1],
  operandBytesPerUs: [15e3, 80e3, 300e3],
  tileUs: [0.3, 1.5, 8],
  splitUs: [0.5, 2, 8],
  waveOverlap: [0, 0.3, 1],
})

/**
 * @param {Roofline} roofline
 * @returns {Record<FamilyName, Fitted>}
 */
export const familiesOf = ({ gemm, decodeAttention, prefillAttention, moe }) => ({
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
    predictUs: (gpu, c, r) => gemm(gpu, c, r.m, r.n, r.k, 'replayed').us,
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
    predictUs: (gpu, c, r) => decodeAttention(gpu, c, { ...r, kvBytesPerElement: 2 }, r.sequences, r.tokens, r.sequences, 'replayed').us,
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
    predictUs: (gpu, c, r) =>
      prefillAttention(
        gpu,
        { prefill: c, decode: c },
        { ...r, kvBytesPerElement: 2 },
        r.sequences * r.tokens,
        ((1 - r.sequences) * r.tokens) / 2,
        0,
        0,
        cost,
      ).us,
  },
  moe: {
    ranges: {
      launchUs: [5, 10, 40],
      sortUs: [0, 2, 6],
      bandwidthShare: [0.6, 0.85, 0.97],
      computeShare: [0.2, 0.7, 1],
      operandBytesPerUs: [10e3, 60e3, 300e3],
      tileUs: [0.1, 0.5, 5],
      activationShare: [0, 1, 3],
    },
    predictUs: (gpu, c, r) => moe(gpu, c, r, r.tokens, r.routing, 'replayed').us,
  },
  gemmFp8: {
    ranges: { ...gemmRanges, unalignedPasses: [0, 1, 6] },
    predictUs: (gpu, c, r) => gemm(gpu, c, r.m, r.n, r.k, 'replayed', 'fp8').us,
  },
  moeFp8: {
    ranges: {
      launchUs: [5, 15, 60],
      sortUs: [0, 2, 6],
      bandwidthShare: [0.3, 0.7, 0.97],
      computeShare: [0.1, 0.5, 1],
      operandBytesPerUs: [10e3, 60e3, 300e3],
      tileUs: [0.1, 0.5, 8],
      activationShare: [0, 1, 4],
    },
    predictUs: (gpu, c, r) => moe(gpu, c, r, r.tokens, r.routing, 'replayed', 'fp8').us,
  },
})
