import type { SegmentPrice, Segments, StepCost, StepView } from '@servesim/core'
import { HalfStep } from './half-step.js'
import { type LayerSegments, makespanNs } from './makespan.js'

/**
 * Prices a step as two halves in turn. What a step costs beyond its operators in sequence, or less, is put down to attention, since
 * `fixedNs` stays what the whole batch would take.
 */
export function interleaved(sequential: StepCost, price: SegmentPrice, layers: number, minSequences: number): StepCost {
  const halves = [new HalfStep(), new HalfStep()] as const
  const segments: Segments = { deviceNs: 0, linkNs: 0, attentionNs: 0, besideNs: 0 }
  const perLayer = [emptyLayer(), emptyLayer()] as const

  const stepNs = (step: StepView, contextSum: number): number => {
    for (const i of [0, 1] as const) {
      halves[i].take(step, i === 0, contextSum)
      price.segments(halves[i], segments)
      perLayer[i].deviceNs = (segments.deviceNs + segments.attentionNs) / layers
      perLayer[i].besideNs = segments.besideNs / layers
      perLayer[i].linkNs = segments.linkNs / layers
    }
    return makespanNs(layers, perLayer[0], perLayer[1])
  }

  return {
    reads: sequential.reads,
    price(step, startNs, out) {
      sequential.price(step, startNs, out)
      if (step.sequences >= minSequences) out.attentionNs = stepNs(step, step.decodeContextSum) - out.fixedNs
    },
    priceRun(step, count, startNs, out) {
      sequential.priceRun(step, count, startNs, out)
      if (step.sequences < minSequences) return
      for (let j = 0; j < count; j++) out.attentionNs[j] = stepNs(step, step.decodeContextSum + j * step.decodes) - out.fixedNs
    },
  }
}

function emptyLayer(): LayerSegments {
  return { deviceNs: 0, besideNs: 0, linkNs: 0 }
}
