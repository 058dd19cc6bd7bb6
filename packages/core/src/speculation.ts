import type { KvBlocks } from './kv-blocks.js'
import type { Decode } from './points/decode.js'
import { RequestStatus, type RequestTable } from './request-table.js'
import type { Step } from './step.js'

/**
 * The books of drafted tokens, for all replicas of a pool. A draft is a scheduled token like any other: C advances by it at form and H by
 * one where steps are formed ahead; when its step has completed, those rejected fall out of both again.
 * Source: vLLM 0.19, `Scheduler.schedule`, `_update_after_schedule` and `update_from_output`.
 */
export class Speculation {
  /** Tokens that came out together with one before. */
  bundledTokens = 0

  constructor(
    readonly decode: Decode,
    private readonly requests: RequestTable,
    /** Steps formed and not completed. */
    private readonly depth: number,
    private readonly freesRejected: boolean,
  ) {}

  /** Tokens that a request may hold blocks for beyond its computed ones: rejected drafts of all steps under way, and slots ahead. */
  get slackTokens(): number {
    return this.depth * this.decode.maxDrafts + this.decode.lookaheadSlots
  }

  /** A member of a step that has just been formed: its drafts are used up, and where steps are formed ahead the next ones follow. */
  formed(step: Step, i: number): void {
    const { draftTokens, rejectedTokens, preemptions } = this.requests
    const r = step.members[i]!
    step.memberRejected[i] = rejectedTokens[r]!
    step.memberEpochs[i] = preemptions[r]!
    draftTokens[r] = this.depth > 1 && step.emits[i] === 1 ? this.decode.drafts(r, step.count) : 0
  }

  /** A step starts: what was rejected since it was formed is no context of it. The longest context stays as formed, a few tokens too long. */
  started(step: Step): void {
    const { rejectedTokens } = this.requests
    for (let i = 0; i < step.count; i++) {
      const r = step.members[i]!
      if (r < 0 || step.memberTokens[i] !== 1 + step.memberDrafts[i]!) continue
      step.decodeContextSum -= rejectedTokens[r]! - step.memberRejected[i]!
      step.memberRejected[i] = rejectedTokens[r]!
    }
  }

  /** Verifies a member's drafts at the end of its step. @returns tokens that come out for it, ≥ 1 */
  verify(step: Step, i: number, kv: KvBlocks): number {
    const drafts = step.memberDrafts[i]!
    if (drafts === 0) return 1
    const { requests } = this
    const r = step.members[i]!
    const accepted = this.decode.accepted(r, drafts)
    const rejected = drafts - accepted
    // Who was preempted meanwhile has nothing computed that could fall back.
    if (rejected > 0 && requests.status[r] === RequestStatus.running && requests.preemptions[r] === step.memberEpochs[i]) {
      requests.computedTokens[r]! -= rejected
      requests.rejectedTokens[r]! += rejected
      if (this.freesRejected) kv.shrink(r, requests.computedTokens[r]!)
    }
    return 1 + accepted
  }

  /** Tokens came out at the end of a step, and the request goes on: where steps are not formed ahead, its next drafts follow now. */
  yielded(request: number, sequences: number): void {
    if (this.depth > 1 || this.requests.status[request] !== RequestStatus.running) return
    this.requests.draftTokens[request] = this.decode.drafts(request, sequences)
  }
}
