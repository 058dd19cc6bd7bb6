import type { Decode, DecodeContext, RandomDraws, RequestTable } from '@servesim/core'
import type { Acceptance } from './acceptance.js'
import { isSynchronous, type Method } from './methods.js'
import type { Options } from './options.js'
import type { Totals } from './totals.js'

interface DraftingInput {
  options: Options
  method: Method
  /** Common to all requests, and by class. */
  acceptance: Acceptance
  classes: readonly { value: number; acceptance: Acceptance }[]
  lengths: Uint8Array
  totals: Totals
}

/**
 * Drafts and their acceptance. One uniform number decides a step of a request: as many drafts are kept as have rates above it, so that
 * the i-th is kept at its rate whatever the others are. The number belongs to the request and the output position.
 */
export class Drafting implements Decode {
  readonly reads = 'tokens'
  readonly maxDrafts: number
  readonly lookaheadSlots: number
  readonly budgetSlots: number
  readonly dropsLastHit: boolean
  readonly synchronous: boolean
  private readonly requests: RequestTable
  private readonly verification: RandomDraws
  private readonly lookups: RandomDraws
  /** 1: always. */
  private readonly hitFraction: number
  private readonly lengths: Uint8Array
  private readonly totals: Totals
  private readonly common: Float64Array
  private readonly classValues: Float64Array
  private readonly classRates: readonly Float64Array[]
  private readonly classColumn: Options['classColumn']

  constructor(
    { options, method, acceptance, classes, lengths, totals }: DraftingInput,
    { requests, random, engineRelease }: DecodeContext,
  ) {
    this.maxDrafts = acceptance.rates.length
    this.lookaheadSlots = method.lookaheadPerDraft * this.maxDrafts
    this.budgetSlots = method.budgetSlots
    this.dropsLastHit = method.readsHiddenStates
    this.synchronous = isSynchronous(method, engineRelease)
    this.requests = requests
    this.verification = random.draws('speculative-decoding/verification')
    this.lookups = random.draws('speculative-decoding/lookup')
    this.hitFraction = options.method === 'ngram' ? options.ngramHitFraction : 1
    this.lengths = lengths
    this.totals = totals
    this.common = acceptance.rates
    this.classValues = Float64Array.from(classes, ({ value }) => value)
    this.classRates = classes.map((of) => of.acceptance.rates)
    this.classColumn = options.classColumn
  }

  drafts(request: number, sequences: number): number {
    const { lengths, requests, hitFraction } = this
    const drafts = lengths[Math.min(sequences, lengths.length - 1)]!
    if (hitFraction === 1 || drafts === 0) return drafts
    return this.lookups.uniform(requests.arrivalIndex[request]!, requests.outputTokens[request]!) < hitFraction ? drafts : 0
  }

  accepted(request: number, drafts: number): number {
    const { requests } = this
    const chance = this.verification.uniform(requests.arrivalIndex[request]!, requests.outputTokens[request]!)
    const rates = this.ratesOf(request)
    let accepted = 0
    while (accepted < drafts && chance < rates[accepted]!) accepted++
    this.totals.count(request, drafts, accepted)
    return accepted
  }

  private ratesOf(request: number): Float64Array {
    const { classValues, classRates } = this
    if (classValues.length === 0) return this.common
    const at = classValues.indexOf(this.requests[this.classColumn][request]!)
    return at < 0 ? this.common : classRates[at]!
  }
}
