import { MicroBatch } from './micro-batch.js'
import type { Pipeline } from './pipeline.js'
import { RequestStatus } from './request-table.js'
import { firstNotBefore } from './sorted-times.js'
import type { Step } from './step.js'
import { firstCapacity, longest, type PlainReason, type StretchHost } from './stretch.js'

/** What a stretch over several stages needs of its unit beside what one over a single stage does. */
export interface PipelineHost extends StretchHost {
  readonly pipeline: Pipeline
  /** The host is free again then. */
  hostFreeNs: number
  /** These steps are formed now and the oldest completes next; the ring's others are free. */
  refill(formed: readonly Step[]): void
}

/**
 * A pipeline in which every step only decodes: each time one is out, its requests are formed again (with asynchronous scheduling and all
 * stages taken, those of the step behind it). Coming steps are priced in one go and pass the stages one after another. Virtual like a
 * `Stretch`, and like it the plain path's result to the last bit.
 *
 * Steps are counted from the oldest in flight, 0; those from `formed` on are coming ones. Form c happens at the end of step c and forms step
 * `formed` + c. Step i belongs to micro-batch i modulo their number.
 */
export class PipelineStretch {
  active = false
  private readonly batches: MicroBatch[]
  private batchCount = 0
  /** Steps in flight when it began; one more than micro-batches where the newest is of the same requests as the oldest. */
  private formed = 0
  /** That newest one. */
  private spare: Step | undefined
  /** A form that finds nothing follows each form, since the ring has room for another step. */
  private looksAgain = false
  /** Forms that are taken; steps up to this number complete. */
  private length = 0
  private limit = firstCapacity
  private endsNs = new Float64Array(0)
  /** By form: when each stage is done with its step. */
  private stageEndsNs = new Float64Array(0)
  /** By form: when its launch is done, and how long the device has waited for launches in all. */
  private launchedNs = new Float64Array(0)
  private waitedNs = new Float64Array(0)

  constructor(private readonly unit: PipelineHost) {
    const { stages } = unit.pipeline
    this.batches = Array.from({ length: stages }, () => new MicroBatch(stages, unit.kv.blockSizeTokens))
  }

  /** Starts a stretch if each micro-batch can be formed at least twice. @returns why not, else undefined */
  begin(nowNs: number): PlainReason | undefined {
    if (!this.gather()) return 'prefill'
    const { most, reason } = this.formsUntilChange()
    const shortest = 2 * this.batchCount
    if (most < shortest) return reason
    this.reserve(most)
    this.length = this.priceAhead(most, nowNs)
    if (this.length < shortest) return 'host'
    this.active = true
    this.unit.completeAt(this.endsNs[this.length]!)
    return undefined
  }

  /** Finds the micro-batches. @returns whether the steps in flight hold every running request, and would be formed again as they are */
  private gather(): boolean {
    const { unit, batches } = this
    const { stages } = unit.pipeline
    const { requests, depth } = unit.shared
    this.formed = unit.ring.count
    // The newest of a full ring with asynchronous scheduling repeats the oldest, which has not left the last stage yet.
    const twice = depth > 1 && this.formed === stages + 1
    // With one step less the next form is not the one that the coming forms repeat.
    if (this.formed === 0 || (depth > 1 && this.formed === stages)) return false
    this.looksAgain = !unit.ring.isFull
    this.batchCount = twice ? stages : this.formed
    // What ends a request is the plain path's case: it is formed there, or where steps are formed twice, completed there.
    const beforeEnd = twice ? 1 : 2
    let members = 0
    for (let i = 0; i < this.batchCount; i++) {
      const step = unit.ring.at(i)
      members += step.count
      if (!this.decodes(step)) return false
      batches[i]!.follow(step, i, requests, beforeEnd)
    }
    if (twice) {
      const newest = unit.ring.newest
      if (!this.decodes(newest) || !newest.hasMembersOf(unit.ring.executing)) return false
      batches[0]!.precede(newest, stages)
      this.spare = newest
    }
    return members === unit.running.length
  }

  /** All members run and decode one token, none its first. */
  private decodes(step: Step): boolean {
    const { outputTokens, status } = this.unit.shared.requests
    if (step.prefills > 0 || step.fills.length > 0) return false
    for (let i = 0; i < step.count; i++) {
      const r = step.members[i]!
      // Members whose requests have ended are −1.
      if (r < 0 || step.emits[i] === 0 || outputTokens[r] === 0 || status[r] !== RequestStatus.running) return false
    }
    return true
  }

  /** Micro-batch of form c, which is its ⌊c ÷ micro-batches⌋-th. */
  private batchOfForm(c: number): MicroBatch {
    return this.batches[(this.formed + c) % this.batchCount]!
  }

  /** How many of the first `forms` forms are of micro-batch g. */
  private formsOf(g: number, forms: number): number {
    const { batchCount, formed } = this
    return among(forms, (g + 2 * batchCount - formed) % batchCount, batchCount)
  }

  /** Coming forms that schedule the same requests and find blocks for them. */
  private formsUntilChange(): { most: number; reason: PlainReason } {
    const { batchCount } = this
    const limit = Math.max(this.limit, 4 * batchCount)
    let { free } = this.unit.kv
    for (let c = 0; c < limit; c++) {
      const batch = this.batchOfForm(c)
      const f = Math.floor(c / batchCount)
      if (f >= batch.mostForms) return { most: c, reason: 'finish' }
      free -= batch.blocksAt(f)
      if (free < 0) return { most: c, reason: 'blocks' }
    }
    return { most: limit, reason: 'finish' }
  }

  private reserve(forms: number): void {
    const { stages } = this.unit.pipeline
    if (this.launchedNs.length >= forms) return
    this.endsNs = new Float64Array(forms + stages + 1)
    this.stageEndsNs = new Float64Array(forms * stages)
    this.launchedNs = new Float64Array(forms)
    this.waitedNs = new Float64Array(forms)
  }

  /** Prices the coming steps and lets them pass the stages. @returns forms taken */
  private priceAhead(most: number, nowNs: number): number {
    const { unit, formed, batchCount, batches, endsNs, launchedNs, waitedNs } = this
    const { cost, stageShares } = unit.shared
    for (let g = 0; g < batchCount; g++) {
      const count = this.formsOf(g, most)
      batches[g]!.reserve(count)
      cost.priceRun(batches[g]!.next, count, nowNs, batches[g]!)
    }
    for (let i = 0; i < formed; i++) endsNs[i] = unit.ring.at(i).endNs
    // A form that the host delays is the plain path's case.
    if (unit.hostFreeNs > endsNs[0]!) return 0
    let waited = 0
    for (let c = 0; c < most; c++) {
      const batch = this.batchOfForm(c)
      const formNs = endsNs[c]!
      const launched = formNs + Math.round(batch.hostNs)
      // Formed twice, a micro-batch starts when its step before is out.
      const tokensNs = formed > batchCount ? endsNs[c + 1]! : 0
      const ready = Math.max(formNs, c === 0 ? unit.pipeline.readyNs : this.stageEndsNs[(c - 1) * stageShares.length]!, tokensNs)
      const start = Math.max(ready, launched)
      waited += start - ready
      launchedNs[c] = launched
      waitedNs[c] = waited
      const end = this.pass(c, start, batch, Math.floor(c / batchCount))
      // A price that is no number is the plain path's to refuse.
      if (!Number.isFinite(end)) return c
      endsNs[formed + c] = end
      if (launched > endsNs[c + 1]!) return c + 1
    }
    return most
  }

  /** The step of form c passes the stages, as `setStageTimes` and `Pipeline.pass` have it. @returns when it leaves the last */
  private pass(c: number, start: number, { fixedNs, ahead, attentionNs }: MicroBatch, f: number): number {
    const { stageEndsNs, unit } = this
    const { stageShares } = unit.shared
    const stages = stageShares.length
    let at = start
    for (let s = 0; s < stages; s++) {
      const ns = Math.max(1, Math.round((s < stages - 1 ? ahead.fixedNs[s]! : fixedNs) + attentionNs[f]! * stageShares[s]!))
      if (s > 0) at += Math.round(ahead.handoverNs[s - 1]!)
      at = Math.max(at, c === 0 ? unit.pipeline.freeNs[s]! : stageEndsNs[(c - 1) * stages + s]!) + ns
      stageEndsNs[c * stages + s] = at
    }
    return at
  }

  /** The first step that ends at or after `timeNs`: so many forms have been taken by then. */
  private stepAt(timeNs: number): number {
    return firstNotBefore(this.endsNs, this.length, timeNs)
  }

  get endNs(): number {
    return this.endsNs[this.length]!
  }

  /** When the engine next drains its input: at a form, also one that finds nothing. */
  nextDrainNs(timeNs: number): number {
    const step = this.stepAt(timeNs)
    return this.isToLookAgain(step, timeNs) ? this.launchedNs[step - 1]! : this.endsNs[step]!
  }

  /** Whether the form at the end of the step before `step` is still to be followed by one that finds nothing. */
  private isToLookAgain(step: number, timeNs: number): boolean {
    return this.looksAgain && step > 0 && timeNs <= this.launchedNs[step - 1]!
  }

  pendingBlocks(timeNs: number): number {
    if (!this.active) return 0
    const forms = this.stepAt(timeNs)
    let blocks = 0
    for (let g = 0; g < this.batchCount; g++) blocks += this.batches[g]!.blocksFor(this.formsOf(g, forms))
    return blocks
  }

  /** The last step is out; the unit goes on with those behind it. */
  finish(): void {
    this.active = false
    this.limit = Math.min(longest, 2 * this.limit)
    this.settle(this.length + 1, this.length)
  }

  /** Something happens at `nowNs` that the coming forms must see: only the steps in flight stay. */
  interrupt(nowNs: number): void {
    const { unit, endsNs } = this
    this.active = false
    const step = this.stepAt(nowNs)
    this.limit = Math.min(longest, Math.max(firstCapacity, 2 * step))
    // At the very end of a step its completion is behind us and its form still to come.
    const isOut = endsNs[step] === nowNs
    const looksAgain = this.isToLookAgain(step, nowNs)
    this.settle(isOut ? step + 1 : step, step)
    if (isOut || looksAgain) unit.requestForm(nowNs)
  }

  /** Books what has happened: `completed` steps from step 0 on, and `forms` forms. */
  private settle(completed: number, forms: number): void {
    const { unit, batchCount } = this
    const { stages, freeNs } = unit.pipeline
    this.bookKvUse(forms)
    const given = this.commitContent(completed, forms)
    let newBlocks = 0
    for (let g = 0; g < batchCount; g++) newBlocks += this.settleBatch(g, among(completed, g, batchCount), this.formsOf(g, forms))
    if (newBlocks > given) unit.kv.take(newBlocks - given)
    if (forms > 0) {
      unit.settled(forms)
      unit.shared.usage.wait(this.waitedNs[forms - 1]!)
      unit.hostFreeNs = this.launchedNs[forms - 1]!
      freeNs.set(this.stageEndsNs.subarray((forms - 1) * stages, forms * stages))
    }
    unit.steps += completed
    unit.fastSteps += completed
    this.refill(completed, this.formed + forms)
  }

  /** Members of a micro-batch: tokens of `completed` steps, and what `forms` forms gave them. @returns blocks that they got */
  private settleBatch(g: number, completed: number, forms: number): number {
    const { unit, batchCount, endsNs } = this
    const { requests, sink, depth, usage } = unit.shared
    const { computedTokens, placeholderTokens, outputTokens, lastTokenNs, tokenStep, blocks } = requests
    const { step, newest, next, attentionNs } = this.batches[g]!
    const lastNs = endsNs[g + (completed - 1) * batchCount]!
    const lastStep = unit.steps + newest + forms * batchCount
    let newBlocks = 0
    for (let i = 0; i < step.count; i++) {
      const r = step.members[i]!
      if (completed > 0) {
        sink.token(endsNs[g]! - lastTokenNs[r]!, 1)
        lastTokenNs[r] = lastNs
        outputTokens[r]! += completed
      }
      if (depth > 1) placeholderTokens[r]! += forms - completed
      tokenStep[r] = lastStep
      const computed = computedTokens[r]! + forms
      computedTokens[r] = computed
      const more = unit.kv.blocksFor(computed) - blocks[r]!
      blocks[r]! += more
      newBlocks += more
    }
    for (let q = 1; q < completed; q++) {
      sink.token(endsNs[g + q * batchCount]! - endsNs[g + (q - 1) * batchCount]!, step.count)
    }
    if (forms > 0) usage.countRun(next, forms, attentionNs, 0)
    return newBlocks
  }

  /** Blocks in use after each form. */
  private bookKvUse(forms: number): void {
    const { unit, batchCount, endsNs } = this
    let { used } = unit.kv
    for (let c = 0; c < forms; c++) {
      used += this.batchOfForm(c).blocksAt(Math.floor(c / batchCount))
      unit.kvUse.set(used, endsNs[c]!)
    }
  }

  /**
   * Generated blocks that became full, where any of that text is known: completions and forms one by one, as the plain path has them.
   * @returns blocks that were given out
   */
  private commitContent(completed: number, forms: number): number {
    const { unit, batches, batchCount, formed } = this
    const { requests, depth, sharesEarly } = unit.shared
    const { kv } = unit
    if (!sharesEarly || !batches.some((batch, g) => g < batchCount && batch.knowsOutput(kv, requests))) return 0
    // What is formed before its last token is known becomes hittable when that token is out.
    const atForm = formed === batchCount
    let given = 0
    for (let i = 0; i < completed; i++) {
      const round = Math.floor(i / batchCount)
      if (depth > 1) batches[i % batchCount]!.complete(round, kv, requests)
      if (i < forms) given += this.batchOfForm(i).form(round, kv, requests, atForm)
    }
    return given
  }

  /** Steps from `from` to before `to` are in flight now. */
  private refill(from: number, to: number): void {
    const { unit, batches, batchCount, formed, endsNs } = this
    const inFlight: Step[] = []
    for (let i = from; i < to; i++) {
      const batch = batches[i % batchCount]!
      // A micro-batch that stands there twice.
      const isSecond = i - from >= batchCount
      const step = isSecond ? this.spare! : batch.step
      if (isSecond) step.copyMembers(batch.step)
      step.repeat(batch.next, (i - batch.newest) / batchCount - 1)
      step.endNs = endsNs[i]!
      if (i >= formed) step.formedNs = endsNs[i - formed]!
      inFlight.push(step)
    }
    unit.refill(inFlight)
  }
}

/** How many of 0 … count − 1 are `first` modulo `every`; first < every. */
function among(count: number, first: number, every: number): number {
  return Math.floor((count - first + every - 1) / every)
}
