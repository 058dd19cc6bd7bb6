import type { KvBlocks } from './kv-blocks.js'
import type { RunPrice, StagesAhead } from './points/step-cost.js'
import type { RequestTable } from './request-table.js'
import { Step } from './step.js'

/** Requests of one step that decode together again and again, while other steps are in other stages; and the price of their coming steps. */
export class MicroBatch implements RunPrice {
  fixedNs = 0
  hostNs = 0
  readonly ahead: StagesAhead
  /** Entry f: its f-th coming step. */
  attentionNs = new Float64Array(0)
  /** Its step in the ring; of two the older one. */
  step: Step
  /** Position in the ring of its newest step, the oldest step of all being 0, and how many it has there. */
  newest = 0
  steps = 1
  /** The first coming step. */
  readonly next: Step
  /** Forms until a member is to end. */
  mostForms = 0
  /** Members that need a new block at the forms f with f ≡ d modulo the block size. */
  private readonly crossings: Int32Array

  constructor(stages: number, blockSizeTokens: number) {
    this.ahead = { fixedNs: new Float64Array(stages - 1), handoverNs: new Float64Array(stages - 1) }
    this.next = new Step(1, stages)
    this.step = this.next
    this.crossings = new Int32Array(blockSizeTokens)
  }

  /** @param beforeEnd tokens, counted from the last one computed for a request, that no coming step may compute */
  follow(step: Step, position: number, requests: RequestTable, beforeEnd: number): void {
    const { crossings } = this
    const { computedTokens, promptTokens, stopTokens } = requests
    const size = crossings.length
    this.step = step
    this.newest = position
    this.steps = 1
    this.next.repeat(step, 1)
    this.mostForms = Number.MAX_SAFE_INTEGER
    crossings.fill(0)
    for (let i = 0; i < step.count; i++) {
      const r = step.members[i]!
      const computed = computedTokens[r]!
      this.mostForms = Math.min(this.mostForms, promptTokens[r]! + stopTokens[r]! - beforeEnd - computed)
      crossings[(size - (computed % size)) % size]!++
    }
  }

  /** Another step of it stands at the ring's end. */
  precede(step: Step, position: number): void {
    this.newest = position
    this.steps = 2
    this.next.repeat(step, 1)
  }

  reserve(forms: number): void {
    if (this.attentionNs.length < forms) this.attentionNs = new Float64Array(forms)
  }

  /** Blocks that its f-th form takes. */
  blocksAt(form: number): number {
    return this.crossings[form % this.crossings.length]!
  }

  /** Blocks that its first `forms` forms take. */
  blocksFor(forms: number): number {
    const size = this.crossings.length
    let blocks = Math.floor(forms / size) * this.step.count
    for (let d = forms % size; d-- > 0; ) blocks += this.crossings[d]!
    return blocks
  }

  /** Its f-th form as the plain path has it: members take their blocks in turn; where `commits`, full ones can be hit at once. @returns blocks taken */
  form(f: number, kv: KvBlocks, requests: RequestTable, commits: boolean): number {
    const { step } = this
    let taken = 0
    for (let i = 0; i < step.count; i++) {
      const r = step.members[i]!
      const computed = requests.computedTokens[r]! + f
      if (computed % kv.blockSizeTokens === 0) {
        kv.take(1)
        taken++
      }
      if (commits && knows(r, kv, requests) && (computed + 1) % kv.blockSizeTokens === 0) kv.commit(r, computed + 1)
    }
    return taken
  }

  /** Its q-th completion, with steps formed ahead: blocks that are full by then can be hit. */
  complete(q: number, kv: KvBlocks, requests: RequestTable): void {
    const { step, steps } = this
    for (let i = 0; i < step.count; i++) {
      const r = step.members[i]!
      const computed = requests.computedTokens[r]! - (steps - 1) + q
      if (computed % kv.blockSizeTokens === 0 && knows(r, kv, requests)) kv.commit(r, computed)
    }
  }

  /** Whether blocks that a member generates can be shared. */
  knowsOutput(kv: KvBlocks, requests: RequestTable): boolean {
    return this.step.members.subarray(0, this.step.count).some((r) => knows(r, kv, requests))
  }
}

function knows(request: number, { index }: KvBlocks, { identified }: RequestTable): boolean {
  return index !== undefined && identified[request] === 1 && index.knowsOutput(request)
}
