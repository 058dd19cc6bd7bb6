const binsPerOctave = 1024
/** 1 ns to 2⁵⁰ ns (13 days). */
const octaves = 50

const value = new Float64Array(1)
const words = new Uint32Array(value.buffer)

/** Exponent and the upper ten bits of the mantissa, as one number. */
function binOf(ns: number): number {
  value[0] = ns
  return Math.min((words[1]! >>> 10) - (1023 << 10), octaves * binsPerOctave - 1)
}

/**
 * Counts durations in bins whose width is 1/1024 of their octave, so that a percentile is within ±0.05 % of the exact one however
 * many samples there are. The bin number is read off the double's bits. The mean is exact.
 */
export class DurationHistogram {
  static readonly relativeError = 1 / (2 * binsPerOctave)
  private readonly counts = new Float64Array(octaves * binsPerOctave)
  private zeros = 0
  private sumNs = 0
  count = 0
  minNs = Number.POSITIVE_INFINITY
  maxNs = 0

  /** @param ns integer ≥ 0; @param weight how many samples have this duration */
  add(ns: number, weight: number): void {
    this.count += weight
    this.sumNs += ns * weight
    if (ns > this.maxNs) this.maxNs = ns
    if (ns < this.minNs) this.minNs = ns
    if (ns < 1) {
      this.zeros += weight
      return
    }
    this.counts[binOf(ns)]! += weight
  }

  get meanNs(): number {
    return this.count === 0 ? Number.NaN : this.sumNs / this.count
  }

  /** @param q 0–1, by linear interpolation at q·(n − 1) as numpy does, each sample standing at the middle of its bin */
  quantileNs(q: number): number {
    if (this.count === 0) return Number.NaN
    const rank = q * (this.count - 1)
    const low = this.sampleNs(Math.floor(rank))
    const high = this.sampleNs(Math.ceil(rank))
    return low + (high - low) * (rank - Math.floor(rank))
  }

  private sampleNs(rank: number): number {
    let passed = this.zeros
    if (rank < passed) return 0
    for (let bin = binOf(Math.max(1, this.minNs)); bin < this.counts.length; bin++) {
      passed += this.counts[bin]!
      if (rank < passed) {
        const octave = 2 ** Math.floor(bin / binsPerOctave)
        const middle = octave * (1 + ((bin % binsPerOctave) + 0.5) / binsPerOctave)
        return Math.min(Math.max(middle, this.minNs), this.maxNs)
      }
    }
    return this.maxNs
  }
}
