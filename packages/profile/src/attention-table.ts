import type { AttentionLatency, Latency, Provenance } from '@servesim/core'
import { DecodeLookup, decodeGrid, mixedGrid, noWorkNs } from './attention-grid.js'
import type { AttentionSamples } from './bundle.js'
import { distinct } from './curve.js'
import { Bracket, bilinear, EXTRAPOLATED, type Grid, INTERPOLATED, provenanceOf, worstOf } from './grid.js'
import { equalBatchNs, type SplitKernel } from './split-kernel.js'

/** More sequences than any engine runs: makes (decodes, launched) one key. */
const mostSequences = 2 ** 20

/**
 * Attention latency of one layer from a measured table. Everything is linear; the rules for what was not measured:
 *
 * - **Between two chunk sizes** both are read at the same mean number of keys per query, k + q/2, and blended in q. Attention's work
 *   is q·(k + q/2), so for a kernel whose time follows its work this is exact, where reading both at the same k is not.
 * - **Chunks below the smallest** cost what the smallest does: the kernel computes whole tiles of query rows.
 * - **Chunks above the largest** cost as many of the largest as they hold, each at the same keys per query: quadratic in the prompt, as
 *   the work is. The decodes beside them are paid once.
 * - **Contexts below 0** (several prompts in one step) go down linearly to a chunk without work, see `noWorkNs`.
 * - **Between two decode batch sizes** the line is bent as the kernel's waves are, where the kernel is known.
 * - **Tables without mixed rows**: the chunk and the decodes as two kernels, one after the other.
 * - **More context, more decodes** than measured: linear through the last two values, never below the decodes alone.
 */
export class AttentionTable implements AttentionLatency {
  readonly contextTokens: Float64Array
  readonly measuredContextTokens: number
  readonly decodeProvenance: Provenance = 'interpolated'

  /** Decode rows that were asked for; a table outlives a simulation. */
  private readonly rows = new Map<number, Float64Array>()
  private readonly decode: Grid
  private readonly alone: DecodeLookup
  private readonly mixed: Grid
  private readonly chunks: Float64Array
  private readonly contexts: Float64Array
  private readonly counts: Float64Array
  private readonly decodeContexts: Float64Array
  /** By chunk, decodes, decode context, ns. */
  private readonly noWork: Float64Array

  // Reused by every lookup: a mixed step is priced without allocating.
  private readonly chunkAt = new Bracket()
  private readonly contextAt = new Bracket()
  private readonly countAt = new Bracket()
  private readonly decodeContextAt = new Bracket()
  private readonly result: Latency = { ns: 0, provenance: 'measured' }
  private worst = 0
  private onGrid = true
  private beyond = false

  /**
   * @param kernel how the decode kernel fills the chip, where that is known: batch sizes between measured ones follow its waves
   * @throws ServesimError SERVESIM_BAD_BUNDLE where the table has no decode-only or no prefill-only row
   */
  constructor(
    samples: AttentionSamples,
    path: string,
    private readonly kernel?: SplitKernel,
  ) {
    this.decode = decodeGrid(samples, path)
    this.alone = new DecodeLookup(this.decode)
    this.mixed = mixedGrid(samples, this.decode, path)
    const [chunks, counts, contexts, decodeContexts] = this.mixed.axes as [Float64Array, Float64Array, Float64Array, Float64Array]
    this.chunks = chunks
    this.contexts = contexts
    this.counts = counts
    this.decodeContexts = decodeContexts
    this.noWork = noWorkNs(this.mixed, this.decode)
    const measured = this.decode.axes[1]!
    // Below the shortest measured context only the kernel's fixed cost is left: the row starts flat.
    this.contextTokens = distinct([0, ...measured])
    this.measuredContextTokens = measured.at(-1)!
  }

  decodeRowNs(decodes: number, launched = decodes): Float64Array {
    const key = decodes * mostSequences + launched
    const known = this.rows.get(key)
    if (known !== undefined) return known
    const row = this.makeRow(decodes, launched)
    this.rows.set(key, row)
    return row
  }

  private makeRow(decodes: number, launched: number): Float64Array {
    const [counts, contexts] = this.decode.axes as [Float64Array, Float64Array]
    this.countAt.locate(counts, decodes)
    const { index, weight } = this.countAt
    const row = new Float64Array(this.contextTokens.length)
    const pad = row.length - contexts.length
    for (let i = 0; i < row.length; i++) {
      const cell = index * contexts.length + Math.max(0, i - pad)
      const ns = bilinear(this.decode.ns, cell, contexts.length, weight, 0)
      row[i] = Math.max(0, ns + this.wavesNs(counts[index]!, counts[index + 1], weight, decodes, launched, this.contextTokens[i]!))
    }
    return row
  }

  /** What the kernel's waves add at this batch size to the line between two measured ones. */
  private wavesNs(low: number, high: number | undefined, weight: number, decodes: number, launched: number, context: number): number {
    const { kernel } = this
    if (kernel === undefined) return 0
    const below = equalBatchNs(kernel, low, low, context)
    const line = weight === 0 || high === undefined ? below : below + weight * (equalBatchNs(kernel, high, high, context) - below)
    return equalBatchNs(kernel, decodes, launched, context) - line
  }

  /** @returns one reused object, valid until the next call */
  mixedNs(newTokens: number, context: number, decodes: number, decodeContext: number): Latency {
    const largest = this.chunks[this.chunks.length - 1]!
    this.worst = 0
    this.onGrid = true
    this.beyond = newTokens > largest
    let ns: number
    if (this.counts.length === 1 && decodes > 0) {
      ns = this.mixedNs(newTokens, context, 0, 0).ns + this.alone.ns(decodes, decodeContext)
      this.worst = EXTRAPOLATED
    } else if (this.beyond) {
      const sameKeys = context + (newTokens - largest) / 2
      ns = this.atChunk(largest, sameKeys, decodes, decodeContext)
      ns += (newTokens / largest - 1) * this.atChunk(largest, sameKeys, 0, decodeContext)
    } else ns = this.atChunk(newTokens, context, decodes, decodeContext)
    if (this.beyond && decodes > 0) ns = Math.max(ns, this.alone.ns(decodes, decodeContext))
    this.result.ns = Math.max(0, ns)
    this.result.provenance = provenanceOf(this.worst, this.onGrid, this.beyond)
    return this.result
  }

  /** @param newTokens at most the largest measured chunk */
  private atChunk(newTokens: number, context: number, decodes: number, decodeContext: number): number {
    const { chunks, chunkAt, countAt, decodeContextAt } = this
    chunkAt.locate(chunks, newTokens)
    countAt.locate(this.counts, decodes)
    decodeContextAt.locate(this.decodeContexts, decodeContext)
    // Without decodes the row is flat in their context; reading one end keeps an exact hit exact.
    if (decodes === 0) decodeContextAt.weight = 0
    else {
      this.onGrid &&= decodeContextAt.exact
      this.beyond ||= decodeContextAt.beyond
    }
    this.onGrid &&= chunkAt.exact && countAt.exact
    this.beyond ||= countAt.beyond
    const { index, weight } = chunkAt
    // A chunk below the smallest fills one tile like the smallest: it sees the same context, not the same keys.
    if (weight === 0) return this.atContext(index, context)
    const keys = context + newTokens / 2
    const low = this.atContext(index, keys - chunks[index]! / 2)
    return low + weight * (this.atContext(index + 1, keys - chunks[index + 1]! / 2) - low)
  }

  /** Latency of a measured chunk size at any context, beside the decodes that the brackets stand at. */
  private atContext(chunk: number, context: number): number {
    const { contextAt, countAt, decodeContextAt, mixed } = this
    contextAt.locate(this.contexts, context)
    this.onGrid &&= contextAt.exact
    this.beyond ||= contextAt.beyond
    const plane = mixed.strides[2]!
    const cell = chunk * mixed.strides[0]! + countAt.index * mixed.strides[1]! + contextAt.index * plane + decodeContextAt.index
    const stride = mixed.strides[1]!
    const low = bilinear(mixed.ns, cell, stride, countAt.weight, decodeContextAt.weight)
    this.worst = Math.max(this.worst, worstOf(mixed.known, cell, stride, countAt.weight, decodeContextAt.weight))
    if (context < 0) {
      const rest = (chunk * this.counts.length + countAt.index) * plane + decodeContextAt.index
      const noWork = bilinear(this.noWork, rest, plane, countAt.weight, decodeContextAt.weight)
      this.worst = Math.max(this.worst, INTERPOLATED)
      return low + Math.min(1, (-2 * context) / this.chunks[chunk]!) * (noWork - low)
    }
    if (contextAt.weight === 0) return low
    const high = bilinear(mixed.ns, cell + plane, stride, countAt.weight, decodeContextAt.weight)
    this.worst = Math.max(this.worst, worstOf(mixed.known, cell + plane, stride, countAt.weight, decodeContextAt.weight))
    if (!contextAt.beyond) return low + contextAt.weight * (high - low)
    return high + (contextAt.weight - 1) * this.lastSlope(chunk, cell)
  }
  /**
   * Rise of latency over the last two contexts, by which longer ones are continued. It is taken beside measured decodes, since a slope
   * continued over decodes as well soon means nothing; and it is at least the chunk's own, which is what is left once its context
   * outlasts the decodes.
   */
  private lastSlope(chunk: number, cell: number): number {
    const { ns, strides } = this.mixed
    const [perChunk, stride, plane] = strides as [number, number, number]
    const count = Math.min(1, this.countAt.weight)
    const decodeContext = Math.min(1, this.decodeContextAt.weight)
    const beside = bilinear(ns, cell + plane, stride, count, decodeContext) - bilinear(ns, cell, stride, count, decodeContext)
    const alone = chunk * perChunk + this.contextAt.index * plane
    return Math.max(beside, ns[alone + plane]! - ns[alone]!, 0)
  }
}
