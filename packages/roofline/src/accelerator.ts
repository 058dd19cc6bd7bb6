import type { DeviceSpec } from '@servesim/core'

/** Operands of a matrix product are padded to whole tiles of the unit that multiplies them, in elements. */
export interface MatrixTile {
  rows: number
  /** Columns of the weights, and their depth. */
  n: number
  k: number
}

/** What of the published peaks is reached. Shares 0–1. */
export interface Efficiency {
  /** Of the dense peak, by a large matrix product that fills whole tiles. */
  compute: number
  /** Of the memory's bandwidth, by weights and activations. */
  bandwidth: number
  /** Of the dense peak, by the products of prefill attention. */
  attentionCompute: number
  /** Of the memory's bandwidth, by KV that prefill and decode attention read. */
  prefillBandwidth: number
  decodeBandwidth: number
  /** Fixed time of one operator, and of one call of attention, µs. */
  launchUs: number
  attentionLaunchUs: number
  /** Decode attention's fixed time for each sequence, µs. */
  decodeSequenceUs: number
  /** Choosing tokens is a chain of kernels, µs. */
  samplingUs: number
}

/** A chip priced by a roofline. */
export interface Accelerator {
  spec: DeviceSpec
  tile: MatrixTile
  efficiency: Efficiency
  /** Relative error of its latencies on measurements left out of the fit, 0–1; absent: nobody knows. */
  leftOutError?: number
  /** Sentences for the summary: where the efficiencies come from, and what is left out. */
  assumptions: string[]
}

/**
 * What is taken where a chip was never measured. Bandwidth and launch: defaults of NVIDIA AIConfigurator for all its systems (0.8 of the
 * published bandwidth, 3 µs an operator). Matrix products: the lower end of what its tables show for large ones on data centre GPUs
 * (0.70–0.80). Attention: FlashAttention-2 reaches half of an A100's peak at 4,096 tokens in the same tables, decode attention
 * 0.6–0.9 of the bandwidth. Sampling: LLMServingSim's profile of an RTX PRO 6000.
 */
export const unmeasured: Efficiency = {
  compute: 0.7,
  bandwidth: 0.8,
  attentionCompute: 0.5,
  prefillBandwidth: 0.7,
  decodeBandwidth: 0.7,
  launchUs: 3,
  attentionLaunchUs: 5,
  decodeSequenceUs: 0,
  samplingUs: 16,
}

export const unmeasuredSentence =
  'No operator of this chip was measured: shares of its published peaks are those of other accelerators (matrix products 0.7, memory 0.8, attention 0.5), each operator takes 3 µs at least.'
