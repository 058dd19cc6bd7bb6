import { ServesimError } from './errors.js'
import { CountedPass } from './forward-pass.js'
import type { OperatorGraph } from './operators.js'
import type { StepCost, StepCostContext, StepCostLink } from './points/step-cost.js'
import type { BaseStepCost } from './step-price.js'
import type { StepUsage } from './step-usage.js'

/** A claim of the chain, with the technique that made it. */
export interface ClaimedLink {
  link: StepCostLink
  technique: string
}

interface ChainInput {
  links: readonly ClaimedLink[]
  base: BaseStepCost
  /** What takes the base's place where a timeline arranges its segments; else the base. */
  innermost: StepCost
  context: Omit<StepCostContext, 'forwardPass'>
  /** The price of another graph, without links. @throws ServesimError where the device cannot serve that model */
  baseOf(graph: OperatorGraph, model: string): BaseStepCost
}

interface Chain {
  cost: StepCost
  /** Where the time of all its passes goes. */
  usages: StepUsage[]
  /** Techniques that look at every token. */
  tokenReaders: string[]
}

/** Wraps the base price: links in the order written, each behind those it names in `after`; the first is the outermost. */
export function chainLinks({ links, base, innermost, context, baseOf }: ChainInput): Chain {
  const ordered = inOrder(links, context.path)
  const usages = [base.usage]
  const forwardPass = (asking: StepCostLink) => (graph: OperatorGraph, model: string) => {
    const own = baseOf(graph, model)
    usages.push(own.usage)
    // What is known of stragglers was measured with the pool's own model.
    const facts = { ...context, straggler: undefined, ...attentionFacts(graph) }
    const cost = ordered.reduceRight<StepCost>(
      (next, { link }) => (link === asking ? next : link.wrap(next, { ...facts, forwardPass: () => refusePass(link) })),
      own,
    )
    return new CountedPass(cost, own, context.path)
  }
  const tokenReaders: string[] = []
  const cost = ordered.reduceRight<StepCost>((next, { link, technique }) => {
    const wrapped = link.wrap(next, { ...context, forwardPass: forwardPass(link) })
    if (wrapped.reads === 'tokens' && next.reads !== 'tokens') tokenReaders.push(technique)
    return wrapped
  }, innermost)
  // What the outermost link says counts: it hands on what those inside read.
  return { cost, usages, tokenReaders: cost.reads === 'tokens' ? tokenReaders : [] }
}

function inOrder(links: readonly ClaimedLink[], path: string): ClaimedLink[] {
  const left = [...links]
  const ordered: ClaimedLink[] = []
  while (left.length > 0) {
    const at = left.findIndex(({ link }) => !(link.after ?? []).some((name) => left.some((other) => other.link.name === name)))
    if (at < 0) {
      throw new ServesimError(
        'SERVESIM_PLUGIN_CONFLICT',
        path,
        `The step costs ${left.map(({ link }) => `"${link.name}"`).join(', ')} each want to come after another.`,
        'Switch one of them off.',
      )
    }
    ordered.push(left.splice(at, 1)[0]!)
  }
  return ordered
}

function refusePass({ name }: StepCostLink): never {
  throw new ServesimError(
    'SERVESIM_PLUGIN_CONFLICT',
    name,
    `"${name}" would run passes of a graph of its own inside those of another technique.`,
    'Switch one of them off.',
  )
}

/** What links compute from a graph's attention. */
export function attentionFacts(graph: OperatorGraph): Pick<StepCostContext, 'kvHeads' | 'kvBytesPerTokenPerHead' | 'layers'> {
  const attention = graph.operators.find((o) => o.kind === 'attention')
  return {
    kvHeads: attention?.kvHeads ?? 1,
    kvBytesPerTokenPerHead: attention === undefined ? 0 : 2 * attention.headDim * attention.kvBytesPerElement,
    layers: graph.layers,
  }
}
