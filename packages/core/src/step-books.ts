import { ServesimError } from './errors.js'
import type { KvBlocks } from './kv-blocks.js'
import { RequestStatus, type RequestTable } from './request-table.js'
import type { Step } from './step.js'
import type { UnitContext } from './unit-context.js'

/** Computed tokens and placeholders advance when a step is formed, before it runs. */
export function bookForm(step: Step, nowNs: number, { requests, depth, speculation }: UnitContext): void {
  const { computedTokens, placeholderTokens, promptTokens, outputTokens, firstScheduledNs } = requests
  step.formedNs = nowNs
  for (let i = 0; i < step.count; i++) {
    const r = step.members[i]!
    if (firstScheduledNs[r]! < 0) firstScheduledNs[r] = nowNs
    const total = promptTokens[r]! + outputTokens[r]!
    const computed = computedTokens[r]! + step.memberTokens[i]!
    computedTokens[r] = computed
    // A chunk that leaves part of the sequence uncomputed yields no token.
    const emits = computed >= total + placeholderTokens[r]!
    step.emits[i] = emits ? 1 : 0
    if (depth > 1 && emits) placeholderTokens[r]! += speculation === undefined ? 1 : 1 + step.memberDrafts[i]!
    speculation?.formed(step, i)
  }
  step.unpadded()
}

/**
 * Notes which step computes each member's token, and whether this one waits for tokens of a step in flight.
 * @param oldest number of the oldest step in flight, and @param number that of this one
 */
export function markTokens(step: Step, { tokenStep }: RequestTable, oldest: number, number: number): void {
  step.needsTokens = false
  for (let i = 0; i < step.count; i++) {
    const r = step.members[i]!
    if (tokenStep[r]! >= oldest) step.needsTokens = true
    if (step.emits[i] === 1) tokenStep[r] = number
  }
}

/** A part has given the step a price that is no number. */
export function refusePrice(step: Step, nowNs: number, replica: number): never {
  throw new ServesimError(
    'SERVESIM_BROKEN_INVARIANT',
    `replica ${replica}`,
    `A step of ${step.tokens} tokens and ${step.count} sequences that starts at ${nowNs} ns would take ${step.fixedNs} ns, ` +
      `${step.attentionNs} ns in attention and ${step.hostNs} ns on the host.`,
    'A device, a network or a step cost gave a latency that is no number: report it to its author.',
  )
}

/** Whose tokens they are, and who hears of the last one of a request. */
interface YieldingUnit {
  readonly kv: KvBlocks
  finish(request: number, nowNs: number): void
}

/** A step has completed: its tokens come out, KV of full blocks becomes hittable, and requests at their end are finished. */
export function yieldTokens(step: Step, nowNs: number, shared: UnitContext, unit: YieldingUnit): void {
  const { requests, sink, depth, sharesEarly, speculation } = shared
  const { placeholderTokens, outputTokens, stopTokens, firstTokenNs, lastTokenNs, identified, status } = requests
  const { computedTokens, promptTokens } = requests
  const { kv } = unit
  // Nearly all members had their last tokens at one instant: equal gaps are counted together.
  let gapNs = 0
  let withGap = 0
  for (let i = 0; i < step.count; i++) {
    const r = step.members[i]!
    // Its request ended while the step was under way: the token is dropped.
    if (step.emits[i] === 0 || r < 0) continue
    const drafts = speculation === undefined ? 0 : step.memberDrafts[i]!
    if (depth > 1) placeholderTokens[r]! -= 1 + drafts
    const yielded = speculation === undefined ? 1 : Math.min(speculation.verify(step, i, kv), stopTokens[r]! - outputTokens[r]!)
    const output = outputTokens[r]! + yielded
    outputTokens[r] = output
    // What a step yields for a request leaves the engine at once.
    if (output === yielded) firstTokenNs[r] = nowNs
    else {
      const gap = nowNs - lastTokenNs[r]!
      if (gap !== gapNs) {
        if (withGap > 0) sink.token(gapNs, withGap)
        gapNs = gap
        withGap = 0
      }
      withGap++
    }
    lastTokenNs[r] = nowNs
    if (identified[r] === 1 && status[r] === RequestStatus.running) {
      // Of drafts that were kept beyond the request's end nothing is known.
      const computed = Math.min(computedTokens[r]! - placeholderTokens[r]!, promptTokens[r]! + output - 1)
      if (!sharesEarly) kv.commit(r, output === stopTokens[r]! ? computed : Math.min(computed, promptTokens[r]!))
      // Where tokens come one at a time only a block's end brings something new.
      else if (depth > 1 && (drafts > 0 || computed % kv.blockSizeTokens === 0)) kv.commit(r, computed)
    }
    if (output === stopTokens[r]!) unit.finish(r, nowNs)
    else speculation?.yielded(r, step.count)
    if (yielded > 1) speculation!.bundledTokens += yielded - 1
  }
  if (withGap > 0) sink.token(gapNs, withGap)
}
