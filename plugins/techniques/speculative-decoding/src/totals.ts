import type { Counter, Engine, RequestColumn } from '@servesim/core'

/** What all pools of a simulation that speculate count together, by the names and definitions of vLLM's own metrics. */
export class Totals {
  private readonly steps: Counter
  private readonly tokens: Counter
  private readonly accepted: Counter
  private readonly meanTokens: Counter
  private readonly fraction: Counter
  private readonly positions: Counter[] = []
  private readonly keptAt: number[] = []
  private readonly requestSteps: RequestColumn
  private readonly requestAccepted: RequestColumn

  constructor(private readonly engine: Engine) {
    this.steps = engine.counter('drafts')
    this.tokens = engine.counter('draftTokens')
    this.accepted = engine.counter('acceptedDraftTokens')
    this.meanTokens = engine.counter('meanAcceptanceLength')
    this.fraction = engine.counter('draftAcceptanceFraction')
    this.requestSteps = engine.requestColumn()
    this.requestAccepted = engine.requestColumn()
    engine.resultColumn('drafts', 'steps', this.requestSteps)
    engine.resultColumn('acceptedDraftTokens', 'tokens', this.requestAccepted)
  }

  /** Drafts are counted up to this position. */
  reach(positions: number): void {
    for (let i = this.positions.length; i < positions; i++) {
      this.positions.push(this.engine.counter(`acceptanceAtPosition${i + 1}`))
      this.keptAt.push(0)
    }
  }

  /** A step has verified `drafts` drafts of a request. */
  count(request: number, drafts: number, accepted: number): void {
    const steps = ++this.steps.value
    this.tokens.value += drafts
    this.accepted.value += accepted
    this.meanTokens.value = 1 + this.accepted.value / steps
    this.fraction.value = this.accepted.value / this.tokens.value
    for (let i = 0; i < this.positions.length; i++) {
      if (i < accepted) this.keptAt[i]!++
      this.positions[i]!.value = this.keptAt[i]! / steps
    }
    this.requestSteps.values[request]!++
    this.requestAccepted.values[request]! += accepted
  }
}

const byEngine = new WeakMap<Engine, Totals>()

/** Those of this simulation. */
export function totalsOf(engine: Engine): Totals {
  const known = byEngine.get(engine)
  if (known !== undefined) return known
  const totals = new Totals(engine)
  byEngine.set(engine, totals)
  return totals
}
