import type { KvBlocks } from './kv-blocks.js'
import type { KvUse } from './kv-use.js'
import type { KvIndex } from './points/kv-index.js'
import type { RunPrice, StepCost } from './points/step-cost.js'
import type { RequestTable } from './request-table.js'
import type { RequestSink } from './results.js'
import type { RequestList } from './running-list.js'
import { firstNotBefore } from './sorted-times.js'
import { Step } from './step.js'
import type { StepRing } from './step-ring.js'
import type { StepUsage } from './step-usage.js'

const shortest = 2
export const firstCapacity = 64
export const longest = 2048

/** Why a form was not followed by a stretch. */
export const plainReasons = ['prefill', 'scheduler', 'finish', 'blocks', 'host'] as const
export type PlainReason = (typeof plainReasons)[number]

/** What a stretch needs of its unit: the books it keeps up to date, and the ring of formed steps. */
export interface StretchHost {
  readonly kv: KvBlocks
  readonly kvUse: KvUse
  readonly running: RequestList
  readonly shared: {
    requests: RequestTable
    sink: RequestSink
    cost: StepCost
    usage: StepUsage
    depth: number
    stageShares: Float64Array
    sharesEarly: boolean
  }
  steps: number
  fastSteps: number
  readonly ring: StepRing
  /** The step that runs is over; its members were looked after. */
  dropHead(): void
  /** So many forms were taken. */
  settled(forms: number): void
  completeAt(timeNs: number): void
  requestForm(timeNs: number): void
}

/**
 * Pure-decode steps taken in one go. From the instant a step has been formed that only decodes, the coming forms would repeat it until
 * a sequence finishes, a request arrives that the scheduler could admit, or blocks run out. All those steps are priced in one tight
 * loop, and one event stands at the end of the last. The stretch is virtual: sequences are brought up to date only at its end, or when
 * something cuts it short. What comes out is the plain path's result to the last bit.
 *
 * Step 0 of a stretch is the one that executes when it begins; steps 1 … n follow. A form happens at the end of each step.
 */
export class Stretch implements RunPrice {
  active = false
  fixedNs = 0
  hostNs = 0
  /** Entry j: step j + 1. */
  attentionNs = new Float64Array(0)
  /** End of step j. */
  private endsNs = new Float64Array(0)
  /** Steps behind step 0. */
  private length = 0
  /** How many may be taken ahead: adapts to how long stretches last here, since what is cut off was priced in vain. */
  private limit = firstCapacity
  /** Sequences that need a new block at the forms i with i ≡ d modulo the block size. */
  private readonly crossings: Int32Array
  /** Lists of members by phase: see `listByPhase`. */
  private readonly phaseHead: Int32Array
  private phaseNext = new Int32Array(0)
  /** 1: the member's output is known. */
  private known = new Uint8Array(0)
  private readonly next = new Step(1)

  constructor(private readonly unit: StretchHost) {
    this.crossings = new Int32Array(unit.kv.blockSizeTokens)
    this.phaseHead = new Int32Array(unit.kv.blockSizeTokens)
  }

  /** Starts a stretch if at least two steps can be taken. Called right after a form that filled the ring. @returns why not, else undefined */
  begin(nowNs: number): PlainReason | undefined {
    const { unit } = this
    if (!unit.ring.isFull || !this.repeats(unit.ring.executing) || !this.repeats(unit.ring.newest)) return 'prefill'
    const { untilFinish, untilBlocks } = this.formsUntilChange()
    const most = Math.min(untilFinish, untilBlocks, this.limit)
    if (most < shortest) return untilFinish < untilBlocks ? 'finish' : 'blocks'
    this.reserve(most)
    this.length = this.priceAhead(most, nowNs)
    if (this.length < shortest) return 'host'
    this.active = true
    unit.completeAt(this.endsNs[this.length]!)
    return undefined
  }

  /** Every running sequence decodes one token in this step, and none its first. */
  private repeats(step: Step): boolean {
    const { running, shared } = this.unit
    if (step.prefills > 0 || step.fills.length > 0 || step.count !== running.length) return false
    const { outputTokens } = shared.requests
    for (let i = 0; i < step.count; i++) {
      const r = step.members[i]!
      // Members whose requests have ended are −1.
      if (r !== running.items[i] || step.emits[i] === 0 || outputTokens[r] === 0) return false
    }
    return true
  }

  /** Coming forms that schedule the same sequences, and those that find blocks for them. */
  private formsUntilChange(): { untilFinish: number; untilBlocks: number } {
    const { kv, running, shared } = this.unit
    const { computedTokens, promptTokens, stopTokens } = shared.requests
    const { crossings } = this
    const size = kv.blockSizeTokens
    // The last token's own KV is never computed. What ends a request is left to the plain path: the step behind the stretch where steps
    // are formed ahead, else the last step itself.
    const beforeEnd = shared.depth > 1 ? 1 : 2
    crossings.fill(0)
    let untilFinish = Number.MAX_SAFE_INTEGER
    for (let i = 0; i < running.length; i++) {
      const r = running.items[i]!
      const computed = computedTokens[r]!
      untilFinish = Math.min(untilFinish, promptTokens[r]! + stopTokens[r]! - beforeEnd - computed)
      crossings[(size - (computed % size)) % size]!++
    }
    const rounds = Math.floor(kv.free / running.length)
    let fit = rounds * size
    for (let left = kv.free - rounds * running.length, d = 0; d < size && crossings[d]! <= left; d++) {
      left -= crossings[d]!
      fit++
    }
    return { untilFinish, untilBlocks: fit }
  }

  /** Blocks that the first `forms` forms take. */
  private blocksFor(forms: number): number {
    const size = this.crossings.length
    let blocks = Math.floor(forms / size) * this.unit.running.length
    for (let d = forms % size; d-- > 0; ) blocks += this.crossings[d]!
    return blocks
  }

  /** Prices the coming steps and sets their ends, with the host's part as the plain path has it. @returns steps taken */
  private priceAhead(most: number, nowNs: number): number {
    const { unit, endsNs, attentionNs } = this
    const { depth, cost } = unit.shared
    const executing = unit.ring.executing
    const first = depth > 1 ? unit.ring.newest : this.copyOf(executing, 1)
    cost.priceRun(first, most, nowNs, this)
    const hostNs = Math.round(this.hostNs)
    let end = executing.endNs
    endsNs[0] = end
    // A host that keeps the device waiting is the plain path's case.
    if (depth > 1 && first.formedNs + hostNs > end) return 0
    for (let j = 1; j <= most; j++) {
      const duration = Math.max(1, Math.round(this.fixedNs + attentionNs[j - 1]!))
      end += depth > 1 ? duration : hostNs + duration
      endsNs[j] = end
      if (depth > 1 && duration < hostNs) return j
    }
    // A price that is no number is the plain path's to refuse.
    return Number.isFinite(end) ? most : 0
  }

  private copyOf(step: Step, advance: number): Step {
    this.next.repeat(step, advance)
    return this.next
  }

  private reserve(steps: number): void {
    if (steps < this.endsNs.length) return
    this.endsNs = new Float64Array(steps + 1)
    this.attentionNs = new Float64Array(steps + 1)
  }

  /** Index of the first step that ends at or after `timeNs`. */
  private stepAt(timeNs: number): number {
    return firstNotBefore(this.endsNs, this.length, timeNs)
  }

  /** When its last step ends. */
  get endNs(): number {
    return this.endsNs[this.length]!
  }

  /** When the engine next drains its input: when the step that runs at `timeNs` ends. */
  nextDrainNs(timeNs: number): number {
    return this.endsNs[this.stepAt(timeNs)]!
  }

  /** Blocks taken since the stretch began and not booked yet. */
  pendingBlocks(timeNs: number): number {
    return this.active ? this.blocksFor(this.stepAt(timeNs)) : 0
  }

  /** The last step is over; the unit goes on with what was formed behind it. */
  finish(): void {
    this.active = false
    this.limit = Math.min(longest, 2 * this.limit)
    this.settle(this.length + 1, this.length)
    const { unit } = this
    if (unit.shared.depth > 1) {
      const formed = unit.ring.newest
      formed.advance(this.length)
      formed.formedNs = this.endsNs[this.length - 1]!
    }
    unit.dropHead()
  }

  /** Something happens at `nowNs` that the coming forms must see: only the step that runs stays. */
  interrupt(nowNs: number): void {
    const { unit, endsNs } = this
    this.active = false
    const running = this.stepAt(nowNs)
    this.limit = Math.min(longest, Math.max(firstCapacity, 2 * running))
    // At the very end of a step its completion is behind us and its form still to come.
    if (endsNs[running] === nowNs) {
      this.settle(running + 1, running)
      if (unit.shared.depth > 1) {
        this.executeStep(running + 1)
        unit.ring.pop()
      } else unit.dropHead()
      unit.requestForm(nowNs)
      return
    }
    if (running > 0) {
      this.settle(running, running)
      this.executeStep(running)
      if (unit.shared.depth > 1) {
        unit.ring.newest.advance(running)
        unit.ring.newest.formedNs = endsNs[running - 1]!
      }
    }
    unit.completeAt(endsNs[running]!)
  }

  /** The head of the ring becomes step `index` of the stretch. */
  private executeStep(index: number): void {
    const { unit, endsNs } = this
    const step = unit.ring.executing
    step.advance(index)
    step.attentionNs = this.attentionNs[index - 1]!
    step.endNs = endsNs[index]!
    unit.completeAt(step.endNs)
  }

  /** Books what has happened: `completed` steps from step 0 on, and `forms` forms. */
  private settle(completed: number, forms: number): void {
    const { unit, endsNs } = this
    const { requests, sink, depth } = unit.shared
    const { computedTokens, placeholderTokens, outputTokens, lastTokenNs, blocks } = requests
    const members = unit.running.items
    const count = unit.running.length
    const lastNs = endsNs[completed - 1]!
    const inFlight = depth > 1 ? completed - forms : 0
    this.bookKvUse(forms)
    const given = this.commitContent(completed, forms)
    let newBlocks = 0
    for (let i = 0; i < count; i++) {
      const r = members[i]!
      sink.token(endsNs[0]! - lastTokenNs[r]!, 1)
      lastTokenNs[r] = lastNs
      outputTokens[r]! += completed
      placeholderTokens[r]! -= inFlight
      const computed = computedTokens[r]! + forms
      computedTokens[r] = computed
      const more = unit.kv.blocksFor(computed) - blocks[r]!
      if (more > 0) {
        blocks[r]! += more
        newBlocks += more
      }
    }
    for (let j = 1; j < completed; j++) sink.token(endsNs[j]! - endsNs[j - 1]!, count)
    if (newBlocks > given) unit.kv.take(newBlocks - given)
    unit.settled(forms)
    unit.steps += completed
    unit.fastSteps += completed
    this.countUsage(depth > 1 ? Math.min(completed, this.length) : forms)
  }

  /** Blocks in use after each form. */
  private bookKvUse(forms: number): void {
    const { unit, crossings, endsNs } = this
    let used = unit.kv.used
    for (let f = 0; f < forms; f++) {
      used += crossings[f % crossings.length]!
      unit.kvUse.set(used, endsNs[f]!)
    }
  }

  /** Steps 1 … `started` have started. */
  private countUsage(started: number): void {
    if (started === 0) return
    const { unit } = this
    const { depth, usage } = unit.shared
    const first = depth > 1 ? unit.ring.newest : this.next
    usage.countRun(first, started, this.attentionNs, depth > 1 ? 0 : started * Math.round(this.hostNs))
  }

  /**
   * Generated blocks that became full, in the order in which the plain path commits them and gives blocks out: by step, then by member.
   * Only requests whose output's text is known take part; without any the order of giving out does not matter.
   * @returns blocks that were given out
   */
  private commitContent(completed: number, forms: number): number {
    const { unit } = this
    const { index } = unit.kv
    // Where outputs are shared only when their request ends, nothing becomes hittable here.
    if (index === undefined || !unit.shared.sharesEarly) return 0
    if (!this.listByPhase(index)) return 0
    const { requests, depth } = unit.shared
    const { phaseHead, phaseNext, known, crossings } = this
    const { computedTokens } = requests
    const size = crossings.length
    const members = unit.running.items
    // Asynchronous: at each completion, up to C − H with H = 1 left. Synchronous: at each form, up to C.
    const lag = depth > 1 ? 2 : 0
    let given = 0
    for (let e = 1; e <= (depth > 1 ? completed : forms); e++) {
      const offset = e - lag
      // Synchronous: members take their block and fill it at one form, each in its turn. `taker` is the next that takes one.
      let taker = depth > 1 ? -1 : phaseHead[(size - ((e - 1) % size)) % size]!
      for (let i = phaseHead[(size - (offset % size)) % size]!; i >= 0; i = phaseNext[i]!) {
        if (known[i] === 0) continue
        for (; taker >= 0 && taker <= i; taker = phaseNext[taker]!) {
          unit.kv.take(1)
          given++
        }
        unit.kv.commit(members[i]!, computedTokens[members[i]!]! + offset)
      }
      // A completion comes before its form.
      const rest = depth > 1 ? (e <= forms ? crossings[(e - 1) % size]! : 0) : this.listLength(taker)
      if (rest > 0) unit.kv.take(rest)
      given += rest
    }
    return given
  }

  /** Lists members by the phase of their computed tokens within a block, each list in the order of the running list. @returns whether any output's text is known */
  private listByPhase(index: KvIndex): boolean {
    const { unit, phaseHead } = this
    const { requests } = unit.shared
    const members = unit.running.items
    if (this.phaseNext.length < members.length) {
      this.phaseNext = new Int32Array(members.length)
      this.known = new Uint8Array(members.length)
    }
    phaseHead.fill(-1)
    let any = false
    for (let i = unit.running.length; i-- > 0; ) {
      const r = members[i]!
      const isKnown = requests.identified[r] === 1 && index.knowsOutput(r)
      this.known[i] = isKnown ? 1 : 0
      any ||= isKnown
      const phase = requests.computedTokens[r]! % phaseHead.length
      this.phaseNext[i] = phaseHead[phase]!
      phaseHead[phase] = i
    }
    return any
  }

  /** Members from `i` on in the list of its phase. */
  private listLength(i: number): number {
    let length = 0
    for (let at = i; at >= 0; at = this.phaseNext[at]!) length++
    return length
  }
}
