import { type Cost, type Gpu, residentShare } from '../gpu.js'
import type { GemmCoefficients } from './gemm.js'

/**
 * One memory-bound kernel inside a CUDA graph, however small. Source: norms, activation and rotary embedding of one token take
 * 2.4–2.8 µs in LLMServingSim's table of an RTX PRO 6000; the smallest matrix products of five chips in NVIDIA AIConfigurator 1.8–2.6 µs.
 */
const launchUs = 2.5
/** Choosing tokens from logits is a chain of some ten kernels: 24.7 µs at one sequence in the same table. */
const samplerLaunchUs = 24

/** Norms, rotary embedding, activation, embedding lookup, sampling: traffic, from L2 as far as it fits. */
export function elementwise(gpu: Gpu, c: Pick<GemmCoefficients, 'bandwidthShare' | 'l2BytesPerUs'>, bytes: number, sampling: boolean): Cost {
  const fresh = residentShare(bytes, gpu.l2Bytes / 2, gpu.l2Bytes)
  const rate = 1 / (fresh / c.l2BytesPerUs + (1 - fresh) / (gpu.memoryBytesPerUs * c.bandwidthShare))
  return { us: (sampling ? samplerLaunchUs : launchUs) + bytes / rate, computeFraction: 0 }
}
