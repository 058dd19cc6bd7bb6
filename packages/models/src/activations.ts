import type { Architecture } from './architecture.js'
import type { Share } from './share.js'
import type { Stage } from './stages.js'

/**
 * Bytes of temporary tensors for each batched token at the peak of a forward pass, which is the MLP: the hidden state and the
 * residual (2 × hidden), the output of gate and up (2 × width) and that of the activation (width). A layer of experts holds its
 * tensors once per expert that a token visits; the buffer of gate and up is used again for the down projection's output and so
 * has the larger of the two widths; the sum over experts is one more hidden state (vLLM's `fused_experts`). Attention needs
 * less in every known model. Counted from the order of the operations, not measured.
 */
export function activationBytesPerToken(a: Architecture, share: Share, stage: Stage): number {
  const dense = stage.sparse < stage.layers ? 3 * share.intermediateSize : 0
  const width = share.expertIntermediateSize
  const sparse =
    a.experts === undefined || stage.sparse === 0
      ? 0
      : a.experts.expertsPerToken * (Math.max(2 * width, a.hiddenSize) + width) + a.hiddenSize
  return (2 * a.hiddenSize + Math.max(dense, sparse)) * a.bytesPerElement
}

/** Bytes kept of each batched token at the end of a stage: its final hidden state; before the last stage the residual as well. */
export function outputBytesPerToken(a: Architecture, { last }: Stage): number {
  return (last ? 1 : 2) * a.hiddenSize * a.bytesPerElement
}

/** Per entry of the vocabulary: fp32 logits 4, sorted values 4 and their int64 indices 8, probabilities 4, masks of top-k and top-p 1 + 1, result 4. */
const samplerBytesPerLogit = 4 + 4 + 8 + 4 + 1 + 1 + 4

/**
 * Bytes of temporary tensors for each sequence in the sampler's dummy run, at the end of its top-k and top-p filter: the logits as
 * the model returns them and, beside them, what `samplerBytesPerLogit` lists. Every rank holds the whole vocabulary, since the logits
 * are gathered before sampling. Work space inside the sort kernel is not counted.
 * Source: vLLM's V1 sampler, PyTorch path (`apply_top_k_top_p`), run by `_dummy_sampler_run` with both filters on, on the last stage alone.
 */
export function samplingBytesPerSequence(a: Architecture, share: Share, { last }: Stage): number {
  return last ? share.vocabularyRows * share.tensor * (a.bytesPerElement + samplerBytesPerLogit) : 0
}
