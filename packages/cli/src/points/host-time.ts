/**
 * Host work of a step in vLLM, one set for every row. Learned on the half of the silicon set that is at hand: without asynchronous scheduling nothing hides
 * the work of a decode step, and what Qwen3-32B on H100 (vLLM 0.12) takes beyond its kernels is 1.1 ms and 45 µs for each sequence, whatever the degree,
 * length or batch. Published figures for synchronous engines are 1 to 6 ms a step. Launching a step with prefill kernel by kernel: 0.4 ms a layer,
 * between what these rows show (0.3 to 0.5) and the recorded runs of two other machines (0.6 to 0.8).
 */
const decodeStepMs = 1.1
const perSequenceUs = 45
const launchMsPerLayer = 0.4

/** Options of the technique `host-time`. */
export function hostTime(layers: number): { decodeStepMs: number; perSequenceUs: number; mixedStepMs: number } {
  return { decodeStepMs, perSequenceUs, mixedStepMs: launchMsPerLayer * layers }
}
