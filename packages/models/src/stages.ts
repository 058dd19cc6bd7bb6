import { type Parallelism, ServesimError } from '@servesim/core'
import type { Architecture } from './architecture.js'

/** The layers of one pipeline stage, and what stands before and behind them. */
export interface Stage {
  layers: number
  /** Those of them that have experts. */
  sparse: number
  /** Holds the embedding. */
  first: boolean
  /** Holds the final norm and the output projection, and samples. */
  last: boolean
}

/** The whole model in one stage. */
export function wholeStage(a: Architecture): Stage {
  return { layers: a.layers, sparse: sparseLayers(a, 0, a.layers), first: true, last: true }
}

/** @throws ServesimError where the layers cannot be divided so, or there is no such stage */
export function stageOf(a: Architecture, parallelism: Parallelism, stage: number): Stage {
  const counts = layersPerStage(a, parallelism)
  const layers = counts[stage]
  if (layers === undefined) {
    throw new ServesimError(
      'SERVESIM_BAD_OPTION',
      'stage',
      `There is no stage ${stage} of ${counts.length}; expected 0 to ${counts.length - 1}.`,
    )
  }
  const from = counts.slice(0, stage).reduce((sum, count) => sum + count, 0)
  return { layers, sparse: sparseLayers(a, from, from + layers), first: stage === 0, last: stage === counts.length - 1 }
}

/**
 * Layers of each stage. Those that are left over go to the stages before the last one, one each from its neighbour backwards, since the last
 * has the output projection too (vLLM's `get_pp_indices`; `pipelineLayers` is its VLLM_PP_LAYER_PARTITION).
 */
function layersPerStage(a: Architecture, { pipeline, pipelineLayers }: Parallelism): number[] {
  if (pipeline > a.layers) {
    throw new ServesimError(
      'SERVESIM_CAPABILITY_MISMATCH',
      'parallelism.pipeline',
      `${pipeline} pipeline stages need at least as many layers; the model has ${a.layers}.`,
      'Choose fewer stages.',
    )
  }
  if (pipelineLayers !== undefined) return stated(a, pipeline, pipelineLayers)
  const counts = Array.from({ length: pipeline }, () => Math.floor(a.layers / pipeline))
  for (let i = 0; i < a.layers % pipeline; i++) counts[pipeline - 2 - i]!++
  return counts
}

function stated(a: Architecture, pipeline: number, counts: readonly number[]): number[] {
  const sum = counts.reduce((total, count) => total + count, 0)
  const whole = counts.every((count) => Number.isSafeInteger(count) && count >= 1)
  if (whole && counts.length === pipeline && sum === a.layers) return [...counts]
  throw new ServesimError(
    'SERVESIM_BAD_OPTION',
    'parallelism.pipelineLayers',
    `[${counts.join(', ')}] are ${counts.length} stages with ${sum} layers; expected ${pipeline} whole numbers of at least 1 that make ${a.layers}.`,
    'Let parallelism.pipeline, pipelineLayers and the model agree, or leave pipelineLayers out.',
  )
}

/** Layers with experts among those from `from` to before `to`. */
function sparseLayers({ experts }: Architecture, from: number, to: number): number {
  if (experts === undefined) return 0
  const { every, exceptLayers } = experts
  return Math.floor(to / every) - Math.floor(from / every) - exceptLayers.filter((layer) => layer >= from && layer < to).length
}
