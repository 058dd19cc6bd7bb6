// Which tables each chip's coefficients come from.

/** @typedef {import('./tables.mjs').FamilyName} FamilyName */
/** @typedef {{ system: string, release: string, chip: import('../src/chips.js').ChipName }} Table */
/** @typedef {{ chip: import('../src/chips.js').ChipName, kernels: string, tables: Partial<Record<FamilyName, Table>> }} FitSet */

/**
 * @param {import('../src/chips.js').ChipName} chip
 * @param {string} system
 * @param {string} release
 * @param {Partial<Record<FamilyName, Table>>} [others]
 * @returns {FitSet}
 */
function set(chip, system, release, others = {}) {
  const own = { system, release, chip }
  return {
    chip,
    kernels: release.replace(/\.0$/, ''),
    tables: { gemm: own, decode: own, prefill: own, moe: own, ...(chip === 'a100-80-sxm' ? {} : { gemmFp8: own, moeFp8: own }), ...others },
  }
}

/** The first set of a chip is its default. @type {FitSet[]} */
export const sets = [
  set('h100-sxm', 'h100_sxm', '0.19.0'),
  set('h100-sxm', 'h100_sxm', '0.24.0'),
  // The H200's prefill table of 0.19 is below the chip's peak rate (a window of 128 was on): the same die as the H100 takes its place.
  set('h200-sxm', 'h200_sxm', '0.19.0', { prefill: { system: 'h100_sxm', release: '0.19.0', chip: 'h100-sxm' } }),
  set('h200-sxm', 'h200_sxm', '0.24.0'),
  set('b200-sxm', 'b200_sxm', '0.19.0'),
  set('b200-sxm', 'b200_sxm', '0.24.0'),
  set('gb200', 'gb200', '0.19.0'),
  set('gb200', 'gb200', '0.24.0'),
  set('a100-80-sxm', 'a100_sxm', '0.14.0'),
  set('l40s', 'l40s', '0.24.0'),
  // Its 0.19 tables of matrix products are slower than two other measurements of the same chip and release.
  set('rtx-pro-6000', 'rtx_pro_6000_server', '0.24.0'),
]

/** Which measured chips have their architecture in common. @type {Record<string, string>} */
export const architectureOf = {
  'h100-sxm': 'Hopper',
  'h200-sxm': 'Hopper',
  'b200-sxm': 'Blackwell',
  gb200: 'Blackwell',
  'a100-80-sxm': 'Ampere',
  l40s: 'Ada',
  'rtx-pro-6000': 'Blackwell workstation',
}
