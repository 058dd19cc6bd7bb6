import { type Cost, type Gpu, residentShare } from '../gpu.js'
import type { GemmCoefficients } from './gemm.js'

/**
 * One memory-bound kernel inside a CUDA graph, however small. Source: norms, activation and rotary embedding of one token take
 * 2.4–2.8 µs in LLMServingSim's table of an RTX PRO 6000; the smallest matrix products of five chips in NVIDIA AIConfigurator 1.8–2.6 µs.
 */
const launchUs = 2.5
/** Choosing tokens from logits is a chain of kernels: 10 µs at one sequence for Qwen3-30B-A3B, 25 µs for Llama-3.1-8B in the same table. */
const samplerLaunchUs = 16
/** What one multiprocessor streams from L2, bytes per µs. Source: norms and activations of 128–1024 tokens in the same table. */
const l2BytesPerUs = 35e3

/** Norms, rotary embedding, activation, embedding lookup, sampling: traffic, from L2 as far as what was just written is still there. */
export function elementwise(
  gpu: Gpu,
  { bandwidthShare }: Pick<GemmCoefficients, 'bandwidthShare'>,
  bytes: number,
  sampling: boolean,
): Cost {
  const fresh = residentShare(bytes, gpu.l2Bytes / 2, gpu.l2Bytes)
  const us = (bytes * fresh) / (l2BytesPerUs * gpu.multiprocessors) + (bytes * (1 - fresh)) / (gpu.memoryBytesPerUs * bandwidthShare)
  return { us: (sampling ? samplerLaunchUs : launchUs) + us, computeFraction: 0 }
}
