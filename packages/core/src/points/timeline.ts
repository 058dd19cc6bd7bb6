import { definePoint } from './point.js'
import type { StepCost, StepView } from './step-cost.js'

/** What one step asks of each resource, all layers together; ns, floats. */
export interface Segments {
  /** Operators on the device, attention left out. */
  deviceNs: number
  /** Collectives. */
  linkNs: number
  /** Attention on the device. */
  attentionNs: number
  /** Attention that another resource takes. */
  besideNs: number
}

/** Prices a step, or a part of one, resource by resource. */
export interface SegmentPrice {
  segments(step: StepView, out: Segments): void
}

/** Turns a step's segments into time; without one they follow each other. */
export interface Timeline {
  readonly name: string
  /** @param sequential the price of a step whose segments follow each other; what `arrange` returns takes its place, inside all links */
  arrange(sequential: StepCost, price: SegmentPrice, context: TimelineContext): StepCost
}

export interface TimelineContext {
  path: string
  /** Layers of the model. */
  layers: number
  /** Whether a transform put attention, or a part of it, beside the device. */
  attentionBeside: boolean
  /** Whether ranks exchange anything in a layer. */
  exchanges: boolean
  /** Pipeline stages, and replicas that step together. */
  pipelineStages: number
  groupRanks: number
}

export const timeline = definePoint<Timeline>({ id: 'servesim/timeline', contract: 1, cardinality: 'single', scope: 'pool' })
