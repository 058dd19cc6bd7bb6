import { KvBlocks, type KvIndex, type PrefixText, RequestTable } from '@servesim/core'
import fc from 'fast-check'

/** A cache and what it serves, small enough that nearly every operation evicts. */
export interface Setup {
  blockSizeTokens: number
  groupTokens: number
  totalBlocks: number
  /** Texts are known up to the prompt's end, or to the output's. */
  knowsOutput: boolean
  /** Decoded blocks are committed when they are allocated, or one token later, as asynchronous scheduling does. */
  commitsLate: boolean
  blankFirst: boolean
}

/** What happens next. `pick` chooses the request; `amount` is a number of tokens where one is needed. */
export interface Operation {
  kind: 'arrive' | 'admit' | 'extend' | 'preempt' | 'finish'
  pick: number
  amount: number
  /** One letter per group of tokens; two letters, so that texts share prefixes. */
  text: string
  promptTokens: number
}

export const setups: fc.Arbitrary<Setup> = fc
  .record({
    size: fc.constantFrom([2, 2], [1, 3], [4, 2], [2, 4], [3, 3], [2, 6]),
    totalBlocks: fc.integer({ min: 3, max: 32 }),
    knowsOutput: fc.boolean(),
    commitsLate: fc.boolean(),
    blankFirst: fc.boolean(),
  })
  .map(({ size, ...rest }) => ({ blockSizeTokens: size[0]!, groupTokens: size[1]!, ...rest }))

const weighted = (kind: Operation['kind'], weight: number) => ({ weight, arbitrary: fc.constant(kind) })

export const operations: fc.Arbitrary<Operation[]> = fc.array(
  fc.record({
    kind: fc.oneof(weighted('arrive', 4), weighted('admit', 6), weighted('extend', 12), weighted('preempt', 2), weighted('finish', 3)),
    pick: fc.nat(1000),
    amount: fc.integer({ min: 1, max: 12 }),
    text: fc.oneof(
      fc.constantFrom('aaaaaaaaaaaa', 'aaaaaabbbbbb', 'aaabbb'),
      fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 12 }),
    ),
    promptTokens: fc.integer({ min: 1, max: 24 }),
  }),
  { minLength: 40, maxLength: 160, size: 'max' },
)

/** One index behind core's block counting; the same operations go to two of these. */
export class Replica {
  readonly requests = new RequestTable()
  readonly kv: KvBlocks

  constructor(
    private readonly setup: Setup,
    newIndex: (requests: RequestTable) => KvIndex,
  ) {
    this.kv = new KvBlocks(setup.totalBlocks, setup.blockSizeTokens, this.requests, newIndex(this.requests))
  }

  get index(): KvIndex {
    return this.kv.index!
  }

  arrive(text: PrefixText, promptTokens: number): number {
    const { requests } = this
    const r = requests.allocate()
    requests.promptTokens[r] = promptTokens
    requests.identified[r] = this.index.identify(r, text) ? 1 : 0
    return r
  }

  /** Longest hit that leaves one token to compute. */
  match(r: number): number {
    const { promptTokens, outputTokens, identified } = this.requests
    if (identified[r] === 0) return 0
    return this.index.match(r, Math.floor((promptTokens[r]! + outputTokens[r]! - 1) / this.setup.blockSizeTokens))
  }

  /** First chunk of at most `tokens` tokens. */
  admit(r: number, tokens: number): boolean {
    const { promptTokens, outputTokens, computedTokens } = this.requests
    const hit = this.match(r)
    const hitTokens = hit * this.setup.blockSizeTokens
    const chunk = Math.min(tokens, promptTokens[r]! + outputTokens[r]! - hitTokens)
    if (!this.kv.admit(r, hitTokens + chunk, hit, 0)) return false
    computedTokens[r] = hitTokens + chunk
    this.commit(r, hitTokens + chunk)
    return true
  }

  /** The next chunk of a prompt, or one decoded token. */
  extend(r: number, tokens: number): boolean {
    const { promptTokens, outputTokens, computedTokens } = this.requests
    const total = promptTokens[r]! + outputTokens[r]!
    const decodes = computedTokens[r] === total
    const computed = decodes ? total + 1 : Math.min(total, computedTokens[r]! + tokens)
    if (!this.kv.extend(r, computed)) return false
    computedTokens[r] = computed
    if (decodes) outputTokens[r]!++
    this.commit(r, decodes && this.setup.commitsLate ? computed - 1 : computed)
    return true
  }

  private commit(r: number, tokens: number): void {
    if (this.requests.identified[r] === 1) this.kv.commit(r, tokens)
  }

  preempt(r: number): void {
    this.kv.release(r)
    this.requests.computedTokens[r] = 0
  }

  finish(r: number): void {
    this.kv.release(r)
    this.index.forget(r)
    this.requests.release(r)
  }
}
